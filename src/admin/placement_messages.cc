#include "admin/placement_messages.h"

#include "admin/json_object.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

Json JsonOf(const PatternRequest& value) {
  return ObjectWriter()
      .Text("container", value.container)
      .Text("pattern", value.pattern)
      .Flag("hydrate", value.hydrate)
      .Done();
}

Result<PatternRequest> ReadPatternRequest(JsonReader at) {
  ObjectReader in(std::move(at));
  PatternRequest out{.container = in.Required("container"),
                     .pattern = in.Required("pattern"),
                     .hydrate = in.Flag("hydrate")};
  return in.Finish(std::move(out));
}

Json JsonOf(const JobRequest& value) {
  return ObjectWriter().Text("container", value.container).Number("id", value.id).Done();
}

Result<JobRequest> ReadJobRequest(JsonReader at) {
  ObjectReader in(std::move(at));
  JobRequest out{.container = in.Required("container"), .id = in.Number("id")};
  return in.Finish(std::move(out));
}

Json JsonOf(const PrefetchInfo& value) {
  return ObjectWriter()
      .Text("account", value.account)
      .Text("container", value.container)
      .Number("id", value.id)
      .Text("pattern", value.pattern)
      .Text("state", value.state)
      .TextIfAny("waits_for", value.waits_for)
      .Text("created", value.created)
      .TextIfAny("finished", value.finished)
      .Number("matched", value.matched)
      .Number("done", value.done)
      .Number("failed", value.failed)
      .Number("bytes", value.bytes)
      .Number("fetched", value.fetched)
      .Number("expected_names", value.expected_names)
      .Number("expected_bytes", value.expected_bytes)
      .TextIfAny("last_error", value.last_error)
      .Done();
}

Result<PrefetchInfo> ReadPrefetchInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  PrefetchInfo out{.account = in.Required("account"),
                   .container = in.Required("container"),
                   .id = in.Number("id"),
                   .pattern = in.Required("pattern"),
                   .state = in.Required("state"),
                   .waits_for = in.Text("waits_for"),
                   .created = in.Text("created"),
                   .finished = in.Text("finished"),
                   .matched = in.Number("matched"),
                   .done = in.Number("done"),
                   .failed = in.Number("failed"),
                   .bytes = in.Number("bytes"),
                   .fetched = in.Number("fetched"),
                   .expected_names = in.Number("expected_names"),
                   .expected_bytes = in.Number("expected_bytes"),
                   .last_error = in.Text("last_error")};
  return in.Finish(std::move(out));
}

Json JsonOf(const PinInfo& value) {
  return ObjectWriter()
      .Text("pattern", value.pattern)
      .Text("since", value.since)
      .Flag("hydrate", value.hydrate)
      .Done();
}

Result<PinInfo> ReadPinInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  PinInfo out{
      .pattern = in.Required("pattern"), .since = in.Text("since"), .hydrate = in.Flag("hydrate")};
  return in.Finish(std::move(out));
}

Json JsonOf(const PinAnswer& value) { return ObjectWriter().Number("job", value.job).Done(); }

Result<PinAnswer> ReadPinAnswer(JsonReader at) {
  ObjectReader in(std::move(at));
  PinAnswer out{.job = in.Number("job")};
  return in.Finish(std::move(out));
}

Json JsonOf(const EvictInfo& value) {
  return ObjectWriter()
      .Number("names", value.names)
      .Number("evicted", value.evicted)
      .Number("evicted_bytes", value.evicted_bytes)
      .Number("absent", value.absent)
      .Number("pinned", value.pinned)
      .Number("unsent", value.unsent)
      .Done();
}

Result<EvictInfo> ReadEvictInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  EvictInfo out{.names = in.Number("names"),
                .evicted = in.Number("evicted"),
                .evicted_bytes = in.Number("evicted_bytes"),
                .absent = in.Number("absent"),
                .pinned = in.Number("pinned"),
                .unsent = in.Number("unsent")};
  return in.Finish(std::move(out));
}

Json JsonOf(const HydrateInfo& value) {
  return ObjectWriter().Number("bytes", value.bytes).Number("fetched", value.fetched).Done();
}

Result<HydrateInfo> ReadHydrateInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  HydrateInfo out{.bytes = in.Number("bytes"), .fetched = in.Number("fetched")};
  return in.Finish(std::move(out));
}

Json JsonOf(const ContainerTierInfo& value) {
  return ObjectWriter()
      .Number("names", value.names)
      .Number("bytes", value.bytes)
      .Number("resident_bytes", value.resident_bytes)
      .Number("local", value.local)
      .Number("both", value.both)
      .Number("lake", value.lake)
      .Number("partial", value.partial)
      .Number("pinned", value.pinned)
      .Done();
}

Result<ContainerTierInfo> ReadContainerTierInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  ContainerTierInfo out{.names = in.Number("names"),
                        .bytes = in.Number("bytes"),
                        .resident_bytes = in.Number("resident_bytes"),
                        .local = in.Number("local"),
                        .both = in.Number("both"),
                        .lake = in.Number("lake"),
                        .partial = in.Number("partial"),
                        .pinned = in.Number("pinned")};
  return in.Finish(std::move(out));
}

Json JsonOf(const BlobTierInfo& value) {
  return ObjectWriter()
      .Text("residency", value.residency)
      .Number("bytes", value.bytes)
      .Number("resident_bytes", value.resident_bytes)
      .TextIfAny("pinned_by", value.pinned_by)
      .Done();
}

Result<BlobTierInfo> ReadBlobTierInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  BlobTierInfo out{.residency = in.Required("residency"),
                   .bytes = in.Number("bytes"),
                   .resident_bytes = in.Number("resident_bytes"),
                   .pinned_by = in.Text("pinned_by")};
  return in.Finish(std::move(out));
}

Json JsonOf(const CacheInfo& value) {
  return ObjectWriter()
      .Text("watermark", value.watermark)
      .Number("resident_bytes", value.resident_bytes)
      .Number("pinned_bytes", value.pinned_bytes)
      .Number("cache_bytes", value.cache_bytes)
      .Number("disk_capacity", value.disk_capacity)
      .Number("disk_used", value.disk_used)
      .Number("hits", value.hits)
      .Number("misses", value.misses)
      .Number("hit_bytes", value.hit_bytes)
      .Number("miss_bytes", value.miss_bytes)
      .Number("evicted_bytes", value.evicted_bytes)
      .Done();
}

Result<CacheInfo> ReadCacheInfo(JsonReader at) {
  ObjectReader in(std::move(at));
  CacheInfo out{.watermark = in.Required("watermark"),
                .resident_bytes = in.Number("resident_bytes"),
                .pinned_bytes = in.Number("pinned_bytes"),
                .cache_bytes = in.Number("cache_bytes"),
                .disk_capacity = in.Number("disk_capacity"),
                .disk_used = in.Number("disk_used"),
                .hits = in.Number("hits"),
                .misses = in.Number("misses"),
                .hit_bytes = in.Number("hit_bytes"),
                .miss_bytes = in.Number("miss_bytes"),
                .evicted_bytes = in.Number("evicted_bytes")};
  return in.Finish(std::move(out));
}

}  // namespace

std::string Encode(const PatternRequest& value) { return WriteMessage(JsonOf(value)); }
Result<PatternRequest> DecodePatternRequest(std::string_view json) {
  return ReadMessage(json, &ReadPatternRequest);
}

std::string Encode(const JobRequest& value) { return WriteMessage(JsonOf(value)); }
Result<JobRequest> DecodeJobRequest(std::string_view json) {
  return ReadMessage(json, &ReadJobRequest);
}

std::string Encode(const PrefetchInfo& value) { return WriteMessage(JsonOf(value)); }
Result<PrefetchInfo> DecodePrefetchInfo(std::string_view json) {
  return ReadMessage(json, &ReadPrefetchInfo);
}

std::string Encode(const PinAnswer& value) { return WriteMessage(JsonOf(value)); }
Result<PinAnswer> DecodePinAnswer(std::string_view json) {
  return ReadMessage(json, &ReadPinAnswer);
}

std::string Encode(const EvictInfo& value) { return WriteMessage(JsonOf(value)); }
Result<EvictInfo> DecodeEvictInfo(std::string_view json) {
  return ReadMessage(json, &ReadEvictInfo);
}

std::string Encode(const HydrateInfo& value) { return WriteMessage(JsonOf(value)); }
Result<HydrateInfo> DecodeHydrateInfo(std::string_view json) {
  return ReadMessage(json, &ReadHydrateInfo);
}

std::string Encode(const ContainerTierInfo& value) { return WriteMessage(JsonOf(value)); }
Result<ContainerTierInfo> DecodeContainerTier(std::string_view json) {
  return ReadMessage(json, &ReadContainerTierInfo);
}

std::string Encode(const BlobTierInfo& value) { return WriteMessage(JsonOf(value)); }
Result<BlobTierInfo> DecodeBlobTier(std::string_view json) {
  return ReadMessage(json, &ReadBlobTierInfo);
}

std::string Encode(const CacheInfo& value) { return WriteMessage(JsonOf(value)); }
Result<CacheInfo> DecodeCache(std::string_view json) { return ReadMessage(json, &ReadCacheInfo); }

std::string Encode(const std::vector<PrefetchInfo>& values) {
  return WriteMessages("jobs", values, &JsonOf);
}
Result<std::vector<PrefetchInfo>> DecodePrefetchInfos(std::string_view json) {
  return ReadMessages(json, "jobs", &ReadPrefetchInfo);
}

std::string Encode(const std::vector<PinInfo>& values) {
  return WriteMessages("pins", values, &JsonOf);
}
Result<std::vector<PinInfo>> DecodePins(std::string_view json) {
  return ReadMessages(json, "pins", &ReadPinInfo);
}

}  // namespace forebay::admin
