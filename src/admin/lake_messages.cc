#include "admin/lake_messages.h"

#include "admin/json_object.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

Json JsonOf(const ImportInfo& import) {
  return ObjectWriter()
      .Number("names", import.names)
      .Number("bytes", import.bytes)
      .Number("names_per_second", import.names_per_second)
      .Number("expected_names", import.expected_names)
      .Flag("finished", import.finished)
      .Done();
}

Json JsonOf(const LinkInfo& link) {
  return ObjectWriter()
      .Text("state", link.state)
      .Number("down_seconds", link.down_seconds)
      .Number("retry_after_seconds", link.retry_after_seconds)
      .Done();
}

Json JsonOf(const BacklogInfo& backlog) {
  return ObjectWriter()
      .Number("files", backlog.files)
      .Number("bytes", backlog.bytes)
      .Number("oldest_seconds", backlog.oldest_seconds)
      .Number("blocked", backlog.blocked)
      .TextIfAny("blocked_name", backlog.blocked_name)
      .TextIfAny("paused", backlog.paused)
      .TextIfAny("writes_held", backlog.writes_held)
      .Done();
}

Json JsonOf(const OverflowInfo& overflow) {
  return ObjectWriter()
      .Number("bodies", overflow.bodies)
      .Number("bytes", overflow.bytes)
      .Number("to_delete", overflow.to_delete)
      .Number("stuck", overflow.stuck)
      .Number("sent_bodies", overflow.sent_bodies)
      .Number("sent_bytes", overflow.sent_bytes)
      .Number("failures", overflow.failures)
      .TextIfAny("writes_held", overflow.writes_held)
      .Done();
}

Json JsonOf(const ResidencyInfo& residency) {
  return ObjectWriter()
      .Number("resident_bytes", residency.resident_bytes)
      .Number("total_bytes", residency.total_bytes)
      .Number("pinned_bytes", residency.pinned_bytes)
      .Number("age_seconds", residency.age_seconds)
      .Done();
}

Json JsonOf(const TrafficInfo& traffic) {
  return ObjectWriter()
      .Text("cause", traffic.cause)
      .Number("requests", traffic.requests)
      .Number("bytes_down", traffic.bytes_down)
      .Number("bytes_up", traffic.bytes_up)
      .Done();
}

Json JsonOf(const LakeInfo& lake) {
  ObjectWriter out;
  out.Text("account", lake.account)
      .Text("container", lake.container)
      .Text("lake", lake.lake)
      .Text("credential", lake.credential)
      .Text("mode", lake.mode)
      .Text("ordering", lake.ordering)
      .Text("acknowledge", lake.acknowledge)
      .Text("conflicts", lake.conflicts)
      .Text("attached", lake.attached)
      .Flag("hierarchical", lake.hierarchical)
      .Flag("created", lake.created)
      .Value("import", JsonOf(lake.import))
      .TextIfAny("problem", lake.problem);
  if (lake.link) out.Value("link", JsonOf(*lake.link));
  if (lake.backlog) out.Value("backlog", JsonOf(*lake.backlog));
  if (lake.overflow) out.Value("overflow", JsonOf(*lake.overflow));
  if (lake.residency) out.Value("residency", JsonOf(*lake.residency));
  Json traffic = Json::Array();
  for (const TrafficInfo& cause : lake.traffic) traffic.Add(JsonOf(cause));
  return out.Value("traffic", std::move(traffic))
      .Number("failures", lake.failures)
      .Number("retries", lake.retries)
      .Done();
}

Result<ImportInfo> ReadImport(JsonReader at) {
  ObjectReader in(std::move(at));
  ImportInfo out{.names = in.Number("names"),
                 .bytes = in.Number("bytes"),
                 .names_per_second = in.Number("names_per_second"),
                 .expected_names = in.Number("expected_names"),
                 .finished = in.Flag("finished")};
  return in.Finish(out);
}

Result<LinkInfo> ReadLink(JsonReader at) {
  ObjectReader in(std::move(at));
  LinkInfo out{.state = in.Required("state"),
               .down_seconds = in.Number("down_seconds"),
               .retry_after_seconds = in.Number("retry_after_seconds")};
  return in.Finish(std::move(out));
}

Result<BacklogInfo> ReadBacklog(JsonReader at) {
  ObjectReader in(std::move(at));
  BacklogInfo out{.files = in.Number("files"),
                  .bytes = in.Number("bytes"),
                  .oldest_seconds = in.Number("oldest_seconds"),
                  .blocked = in.Number("blocked"),
                  .blocked_name = in.Text("blocked_name"),
                  .paused = in.Text("paused"),
                  .writes_held = in.Text("writes_held")};
  return in.Finish(std::move(out));
}

Result<OverflowInfo> ReadOverflow(JsonReader at) {
  ObjectReader in(std::move(at));
  OverflowInfo out{.bodies = in.Number("bodies"),
                   .bytes = in.Number("bytes"),
                   .to_delete = in.Number("to_delete"),
                   .stuck = in.Number("stuck"),
                   .sent_bodies = in.Number("sent_bodies"),
                   .sent_bytes = in.Number("sent_bytes"),
                   .failures = in.Number("failures"),
                   .writes_held = in.Text("writes_held")};
  return in.Finish(std::move(out));
}

Result<ResidencyInfo> ReadResidency(JsonReader at) {
  ObjectReader in(std::move(at));
  ResidencyInfo out{.resident_bytes = in.Number("resident_bytes"),
                    .total_bytes = in.Number("total_bytes"),
                    .pinned_bytes = in.Number("pinned_bytes"),
                    .age_seconds = in.Number("age_seconds")};
  return in.Finish(out);
}

Result<TrafficInfo> ReadTraffic(JsonReader at) {
  ObjectReader in(std::move(at));
  TrafficInfo out{.cause = in.Required("cause"),
                  .requests = in.Number("requests"),
                  .bytes_down = in.Number("bytes_down"),
                  .bytes_up = in.Number("bytes_up")};
  return in.Finish(std::move(out));
}

Result<LakeInfo> ReadLake(JsonReader at) {
  ObjectReader in(std::move(at));
  LakeInfo out;
  out.account = in.Required("account");
  out.container = in.Required("container");
  out.lake = in.Required("lake");
  out.credential = in.Text("credential");
  out.mode = in.Text("mode");
  out.ordering = in.Text("ordering");
  out.acknowledge = in.Text("acknowledge");
  out.conflicts = in.Text("conflicts");
  out.attached = in.Text("attached");
  out.hierarchical = in.Flag("hierarchical");
  out.created = in.Flag("created");
  out.problem = in.Text("problem");
  out.failures = in.Number("failures");
  out.retries = in.Number("retries");
  if (auto import = in.Object("import")) {
    FB_ASSIGN_OR_RETURN(out.import, ReadImport(std::move(*import)));
  }
  if (auto link = in.Object("link")) {
    FB_ASSIGN_OR_RETURN(out.link, ReadLink(std::move(*link)));
  }
  if (auto backlog = in.Object("backlog")) {
    FB_ASSIGN_OR_RETURN(out.backlog, ReadBacklog(std::move(*backlog)));
  }
  if (auto overflow = in.Object("overflow")) {
    FB_ASSIGN_OR_RETURN(out.overflow, ReadOverflow(std::move(*overflow)));
  }
  if (auto residency = in.Object("residency")) {
    FB_ASSIGN_OR_RETURN(out.residency, ReadResidency(std::move(*residency)));
  }
  for (JsonReader& item : in.Items("traffic")) {
    FB_ASSIGN_OR_RETURN(TrafficInfo traffic, ReadTraffic(std::move(item)));
    out.traffic.push_back(std::move(traffic));
  }
  return in.Finish(std::move(out));
}

}  // namespace

std::string Encode(const ContainerRequest& request) {
  return ObjectWriter().Text("container", request.container).Write();
}

Result<ContainerRequest> DecodeContainerRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  ContainerRequest out{.container = in.Required("container")};
  return in.Finish(std::move(out));
}

std::string Encode(const DetachRequest& request) {
  return ObjectWriter().Text("container", request.container).Flag("drop", request.drop).Write();
}

Result<DetachRequest> DecodeDetachRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  DetachRequest out{.container = in.Required("container"), .drop = in.Flag("drop")};
  return in.Finish(std::move(out));
}

std::string Encode(const ApproveRequest& request) {
  return ObjectWriter()
      .Text("container", request.container)
      .Number("deletes", request.deletes)
      .Write();
}

Result<ApproveRequest> DecodeApproveRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  ApproveRequest out{.container = in.Required("container"), .deletes = in.Number("deletes")};
  return in.Finish(std::move(out));
}

std::string Encode(const AttachLakeRequest& request) {
  return ObjectWriter()
      .Text("container", request.container)
      .Text("endpoint", request.endpoint)
      .Text("credential", request.credential)
      .TextIfAny("mode", request.mode)
      .TextIfAny("prefix", request.prefix)
      .TextIfAny("ordering", request.ordering)
      .TextIfAny("acknowledge", request.acknowledge)
      .TextIfAny("conflicts", request.conflicts)
      .Write();
}

Result<AttachLakeRequest> DecodeAttachLakeRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  AttachLakeRequest out{.container = in.Required("container"),
                        .endpoint = in.Required("endpoint"),
                        .credential = in.Required("credential"),
                        .mode = in.Text("mode"),
                        .prefix = in.Text("prefix"),
                        .ordering = in.Text("ordering"),
                        .acknowledge = in.Text("acknowledge"),
                        .conflicts = in.Text("conflicts")};
  return in.Finish(std::move(out));
}

std::string Encode(const VerifyInfo& verified) {
  Json damage = Json::Array();
  for (const DamageInfo& one : verified.damage) {
    damage.Add(ObjectWriter()
                   .Text("name", one.name)
                   .Text("object", one.object)
                   .Text("what", one.what)
                   .Done());
  }
  return ObjectWriter()
      .Number("blobs", verified.blobs)
      .Number("bytes", verified.bytes)
      .Number("damaged", verified.damaged)
      .Value("damage", std::move(damage))
      .Number("objects", verified.objects)
      .Number("to_delete", verified.to_delete)
      .Number("unowned", verified.unowned)
      .Number("foreign", verified.foreign)
      .Write();
}

Result<VerifyInfo> DecodeVerify(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  VerifyInfo out{.blobs = in.Number("blobs"),
                 .bytes = in.Number("bytes"),
                 .damaged = in.Number("damaged"),
                 .objects = in.Number("objects"),
                 .to_delete = in.Number("to_delete"),
                 .unowned = in.Number("unowned"),
                 .foreign = in.Number("foreign")};
  for (JsonReader& item : in.Items("damage")) {
    ObjectReader one(std::move(item));
    out.damage.push_back({.name = one.Required("name"),
                          .object = one.Required("object"),
                          .what = one.Required("what")});
    FB_RETURN_IF_ERROR(one.Finish(true));
  }
  return in.Finish(std::move(out));
}

std::string Encode(const LakeInfo& lake) { return azure::WriteJson(JsonOf(lake)) + "\n"; }

Result<LakeInfo> DecodeLake(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  return ReadLake(JsonReader(json));
}

std::string Encode(const std::vector<LakeInfo>& lakes) {
  Json list = Json::Array();
  for (const LakeInfo& lake : lakes) list.Add(JsonOf(lake));
  return ObjectWriter().Value("lakes", std::move(list)).Write();
}

Result<std::vector<LakeInfo>> DecodeLakes(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  const JsonReader at(json);
  FB_ASSIGN_OR_RETURN(const JsonReader list, at.Get("lakes"));
  FB_ASSIGN_OR_RETURN(const std::vector<JsonReader> items, list.Items());
  std::vector<LakeInfo> out;
  for (const JsonReader& item : items) {
    FB_ASSIGN_OR_RETURN(LakeInfo lake, ReadLake(item));
    out.push_back(std::move(lake));
  }
  return out;
}

}  // namespace forebay::admin
