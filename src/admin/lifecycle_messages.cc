#include "admin/lifecycle_messages.h"

#include <utility>

#include "admin/json_object.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

// The member itself, to be read by whoever knows its form; null where it is absent.
const Json* Member(const Json& json, std::string_view name) {
  for (const azure::JsonMember& member : json.members) {
    if (member.name == name && member.value.kind != Json::Kind::kNull) return &member.value;
  }
  return nullptr;
}

Json ToJson(const LifecycleMoveInfo& move) {
  return ObjectWriter()
      .Text("container", move.container)
      .Text("name", move.name)
      .Text("action", move.action)
      .Text("rule", move.rule)
      .Number("bytes", move.bytes)
      .TextIfAny("error", move.error)
      .Done();
}

Result<LifecycleMoveInfo> ReadMove(JsonReader at) {
  ObjectReader in(std::move(at));
  LifecycleMoveInfo out{.container = in.Required("container"),
                        .name = in.Required("name"),
                        .action = in.Required("action"),
                        .rule = in.Text("rule"),
                        .bytes = in.Number("bytes"),
                        .error = in.Text("error")};
  return in.Finish(std::move(out));
}

Result<LifecycleReportInfo> ReadReport(JsonReader at) {
  ObjectReader in(std::move(at));
  LifecycleReportInfo out{.dry_run = in.Flag("dry_run"),
                          .started = in.Text("started"),
                          .finished = in.Text("finished"),
                          .blobs = in.Number("blobs"),
                          .moved = in.Number("moved"),
                          .deleted = in.Number("deleted"),
                          .skipped = in.Number("skipped"),
                          .failed = in.Number("failed")};
  for (JsonReader& item : in.Items("moves")) {
    FB_ASSIGN_OR_RETURN(LifecycleMoveInfo move, ReadMove(std::move(item)));
    out.moves.push_back(std::move(move));
  }
  return in.Finish(std::move(out));
}

}  // namespace

Json ToJson(const LifecycleReportInfo& report) {
  Json moves = Json::Array();
  for (const LifecycleMoveInfo& move : report.moves) moves.Add(ToJson(move));
  return ObjectWriter()
      .Flag("dry_run", report.dry_run)
      .Text("started", report.started)
      .Text("finished", report.finished)
      .Number("blobs", report.blobs)
      .Number("moved", report.moved)
      .Number("deleted", report.deleted)
      .Number("skipped", report.skipped)
      .Number("failed", report.failed)
      .Value("moves", std::move(moves))
      .Done();
}

std::string Encode(const LifecycleReportInfo& report) {
  return azure::WriteJson(ToJson(report)) + "\n";
}

Result<LifecycleReportInfo> DecodeLifecycleReport(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  return ReadReport(JsonReader(json));
}

Result<std::string> Encode(const LifecycleInfo& info) {
  FB_ASSIGN_OR_RETURN(Json policy, ParseMessage(info.policy));
  ObjectWriter out;
  out.Text("account", info.account).Value("policy", std::move(policy));
  if (info.last_run) out.Value("last_run", ToJson(*info.last_run));
  return out.Write();
}

Result<LifecycleInfo> DecodeLifecycle(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  LifecycleInfo out{.account = in.Required("account")};
  if (const Json* policy = Member(json, "policy")) out.policy = azure::WriteJson(*policy);
  if (auto last_run = in.Object("last_run")) {
    FB_ASSIGN_OR_RETURN(out.last_run, ReadReport(std::move(*last_run)));
  }
  return in.Finish(std::move(out));
}

Result<std::string> Encode(const LifecycleRequest& request) {
  ObjectWriter out;
  out.Text("account", request.account);
  if (request.dry_run) out.Flag("dry_run", true);
  if (request.policy) {
    FB_ASSIGN_OR_RETURN(Json policy, ParseMessage(*request.policy));
    out.Value("policy", std::move(policy));
  }
  return out.Write();
}

Result<LifecycleRequest> DecodeLifecycleRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  LifecycleRequest out{.account = in.Required("account"), .dry_run = in.Flag("dry_run")};
  if (const Json* policy = Member(json, "policy")) out.policy = azure::WriteJson(*policy);
  return in.Finish(std::move(out));
}

}  // namespace forebay::admin
