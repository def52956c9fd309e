#include "admin/placement_api.h"

#include <memory>
#include <utility>
#include <vector>

#include "admin/container_finder.h"
#include "admin/lake_errors.h"
#include "admin/messages.h"
#include "admin/placement_messages.h"
#include "azure/target.h"
#include "azure/wire.h"
#include "tier/placement.h"

namespace forebay::admin {
namespace {

PrefetchInfo InfoOf(const tier::PrefetchStatus& job) {
  const meta::PrefetchRecord& record = job.record;
  return {.account = job.account,
          .container = job.container,
          .id = record.id,
          .pattern = record.pattern,
          .state = std::string(tier::PrefetchStateName(record.state)),
          .waits_for = job.waits_for,
          .created = TimeText(record.created),
          .finished = TimeText(record.finished),
          .matched = record.matched,
          .done = record.done,
          .failed = record.failed,
          .bytes = record.bytes,
          .fetched = record.fetched,
          .expected_names = job.expected_names,
          .expected_bytes = job.expected_bytes,
          .last_error = record.last_error};
}

class PlacementOperations {
 public:
  explicit PlacementOperations(LakeParts parts)
      : parts_(std::move(parts)), finder_(parts_.services, parts_.accounts) {}

  Task<std::string> Prefetch(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const PatternRequest request, DecodePatternRequest(body));
    FB_CO_ASSIGN_OR_RETURN(const engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id,
                           co_await placement().StartPrefetch(context, target, request.pattern));
    FB_CO_ASSIGN_OR_RETURN(const tier::PrefetchStatus job,
                           co_await placement().Prefetch(context, target, id));
    co_return Encode(InfoOf(job));
  }

  Task<std::string> Jobs(OpContext context, std::string query_text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(query_text));
    FB_CO_ASSIGN_OR_RETURN(const engine::ContainerTarget target,
                           co_await ContainerOf(context, query));
    std::vector<PrefetchInfo> jobs;
    if (query.Has("id")) {
      const auto id = azure::ParseUint(query.Get("id"));
      if (!id) co_return Fail(Code::kInvalidInput, "\"id\" must be a job's number.");
      FB_CO_ASSIGN_OR_RETURN(const tier::PrefetchStatus job,
                             co_await placement().Prefetch(context, target, *id));
      jobs.push_back(InfoOf(job));
    } else {
      FB_CO_ASSIGN_OR_RETURN(const auto all, co_await placement().Prefetches(context, target));
      for (const tier::PrefetchStatus& job : all) jobs.push_back(InfoOf(job));
    }
    co_return Encode(jobs);
  }

  Task<std::string> Cancel(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const JobRequest request, DecodeJobRequest(body));
    FB_CO_ASSIGN_OR_RETURN(const engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_RETURN_IF_ERROR(co_await placement().CancelPrefetch(context, target, request.id));
    FB_CO_ASSIGN_OR_RETURN(const tier::PrefetchStatus job,
                           co_await placement().Prefetch(context, target, request.id));
    co_return Encode(InfoOf(job));
  }

  Task<std::string> Pin(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(PatternRequest request, DecodePatternRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(
        const std::uint64_t job,
        co_await placement().Pin(context, std::move(target), request.pattern, request.hydrate));
    co_return Encode(PinAnswer{job});
  }

  Task<std::string> Unpin(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(PatternRequest request, DecodePatternRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_RETURN_IF_ERROR(co_await placement().Unpin(context, target, request.pattern));
    co_return co_await PinsOf(std::move(context), std::move(target));
  }

  Task<std::string> Pins(OpContext context, std::string query_text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(query_text));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target, co_await ContainerOf(context, query));
    co_return co_await PinsOf(std::move(context), std::move(target));
  }

  Task<std::string> Evict(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(PatternRequest request, DecodePatternRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(
        const tier::EvictAnswer done,
        co_await placement().EvictNow(context, std::move(target), request.pattern));
    co_return Encode(EvictInfo{.names = done.names,
                               .evicted = done.evicted,
                               .evicted_bytes = done.evicted_bytes,
                               .absent = done.absent,
                               .pinned = done.pinned,
                               .unsent = done.unsent});
  }

  Task<std::string> Hydrate(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(PatternRequest request, DecodePatternRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(azure::BlobName name, azure::ParseBlobName(request.pattern));
    auto done = co_await placement().Hydrate(
        context, {target.account, std::move(target.container), std::move(name)});
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    co_return Encode(HydrateInfo{.bytes = done->bytes, .fetched = done->fetched});
  }

  Task<std::string> Where(OpContext context, std::string query_text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(query_text));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target, co_await ContainerOf(context, query));
    if (query.Has("name")) {
      FB_CO_ASSIGN_OR_RETURN(azure::BlobName name, azure::ParseBlobName(query.Get("name")));
      FB_CO_ASSIGN_OR_RETURN(
          const tier::NameResidency where,
          co_await placement().ResidencyOf(
              context, {target.account, std::move(target.container), std::move(name)}));
      co_return Encode(
          BlobTierInfo{.residency = std::string(engine::ResidencyName(where.resident.residency)),
                       .bytes = where.length,
                       .resident_bytes = where.resident.bytes,
                       .pinned_by = where.pinned ? where.pinned_by : ""});
    }
    FB_CO_ASSIGN_OR_RETURN(const tier::ContainerResidency all,
                           co_await placement().Summary(context, std::move(target)));
    co_return Encode(ContainerTierInfo{.names = all.names,
                                       .bytes = all.bytes,
                                       .resident_bytes = all.resident_bytes,
                                       .local = all.local,
                                       .both = all.both,
                                       .lake = all.lake,
                                       .partial = all.partial,
                                       .pinned = all.pinned});
  }

  Task<std::string> Cache(OpContext, std::string) const {
    const tier::CacheStatus cache = placement().Cache();
    co_return Encode(CacheInfo{.watermark = std::string(tier::WatermarkName(cache.watermark)),
                               .resident_bytes = cache.resident_bytes,
                               .pinned_bytes = cache.pinned_bytes,
                               .cache_bytes = cache.cache_bytes,
                               .disk_capacity = cache.disk_capacity,
                               .disk_used = cache.disk_used,
                               .hits = cache.hits,
                               .misses = cache.misses,
                               .hit_bytes = cache.hit_bytes,
                               .miss_bytes = cache.miss_bytes,
                               .evicted_bytes = cache.evicted_bytes});
  }

 private:
  tier::Placement& placement() const { return parts_.tier.placement(); }

  Task<engine::ContainerTarget> ContainerOf(OpContext context, const azure::Query& query) const {
    if (!query.Has("container")) {
      co_return Fail(Code::kInvalidInput, "\"container\" is missing in the query.");
    }
    co_return co_await finder_.Require(std::move(context), std::string(query.Get("container")));
  }

  Task<std::string> PinsOf(OpContext context, engine::ContainerTarget target) const {
    FB_CO_ASSIGN_OR_RETURN(const std::vector<tier::PinStatus> pins,
                           co_await placement().Pins(std::move(context), std::move(target)));
    std::vector<PinInfo> out;
    for (const tier::PinStatus& pin : pins) {
      out.push_back({.pattern = pin.pattern, .since = TimeText(pin.since), .hydrate = pin.hydrate});
    }
    co_return Encode(out);
  }

  const LakeParts parts_;
  const ContainerFinder finder_;
};

using Operation = Task<std::string> (PlacementOperations::*)(OpContext, std::string) const;

// Keeps what it works on alive.
Task<std::string> Run(std::shared_ptr<const PlacementOperations> operations, Operation operation,
                      OpContext context, std::string body) {
  co_return co_await (*operations.*operation)(std::move(context), std::move(body));
}

}  // namespace

void AddPlacementOperations(ControlApi& api, LakeParts parts) {
  auto operations = std::make_shared<const PlacementOperations>(std::move(parts));
  const auto add = [&](const char* method, const char* path, Operation operation) {
    api.Add(method, path, [operations, operation](OpContext context, std::string body) {
      return Run(operations, operation, std::move(context), std::move(body));
    });
  };
  add("POST", "/v1/prefetch", &PlacementOperations::Prefetch);
  add("GET", "/v1/prefetch", &PlacementOperations::Jobs);
  add("POST", "/v1/prefetch/cancel", &PlacementOperations::Cancel);
  add("GET", "/v1/tier", &PlacementOperations::Where);
  add("GET", "/v1/tier/pins", &PlacementOperations::Pins);
  add("POST", "/v1/tier/pin", &PlacementOperations::Pin);
  add("POST", "/v1/tier/unpin", &PlacementOperations::Unpin);
  add("POST", "/v1/tier/evict", &PlacementOperations::Evict);
  add("POST", "/v1/tier/hydrate", &PlacementOperations::Hydrate);
  add("GET", "/v1/cache", &PlacementOperations::Cache);
}

}  // namespace forebay::admin
