// Path Update: setProperties, setAccessControl, setAccessControlRecursive.
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/path_status.h"
#include "engine/set_access_recursive.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/json.h"
#include "rest/dfs/list_parameters.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

constexpr std::size_t kMaxRecords = 2000;

engine::PathTarget TargetOf(const Call& call) { return {call.Container(), PathOf(call)}; }

void Take(const Call& call, std::string_view name, std::optional<std::string>& out) {
  if (const auto text = azure::FindHeader(call.headers(), name)) out = std::string(*text);
}

Result<engine::AclChange> ModeOf(const Call& call) {
  const auto text = call.target.query.Find("mode");
  if (!text) return Fail(azure::MissingQueryError("mode"));
  if (EqualsIgnoreCase(*text, "set")) return engine::AclChange::kSet;
  if (EqualsIgnoreCase(*text, "modify")) return engine::AclChange::kModify;
  if (EqualsIgnoreCase(*text, "remove")) return engine::AclChange::kRemove;
  return Fail(azure::InvalidQueryError("mode", *text));
}

}  // namespace

Task<http::Response> HandleSetProperties(Call& call) {
  engine::SetPathPropertiesRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(auto properties, PropertiesFrom(call.headers()));
  request.metadata = properties.value_or(azure::Metadata());
  FB_CO_ASSIGN_OR_RETURN(request.http, HttpChangesFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(
      const engine::Changed changed,
      co_await engine::SetPathProperties(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

Task<http::Response> HandleSetAccessControl(Call& call) {
  engine::SetPathAccessRequest request;
  request.target = TargetOf(call);
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  Take(call, "x-ms-owner", request.owner);
  Take(call, "x-ms-group", request.group);
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-permissions")) {
    FB_CO_ASSIGN_OR_RETURN(request.mode, azure::ParsePermissions(*text));
  }
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-acl")) {
    FB_CO_ASSIGN_OR_RETURN(request.acl, azure::ParseAcl(*text));
  }
  if (!request.owner && !request.group && !request.mode && request.acl.empty()) {
    co_return Fail(azure::MissingHeaderError("x-ms-acl"));
  }
  FB_CO_ASSIGN_OR_RETURN(
      const engine::Changed changed,
      co_await engine::SetPathAccess(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

Task<http::Response> HandleSetAccessControlRecursive(Call& call) {
  engine::SetAccessRecursiveRequest request;
  request.target = TargetOf(call);
  FB_CO_ASSIGN_OR_RETURN(request.change, ModeOf(call));
  // No entry of a tree fails for a super-user, so there is nothing that could be forced.
  FB_CO_ASSIGN_OR_RETURN(const bool force, QueryFlag(call, "forceFlag"));
  (void)force;
  const auto text = azure::FindHeader(call.headers(), "x-ms-acl");
  if (!text) co_return Fail(azure::MissingHeaderError("x-ms-acl"));
  const bool with_permissions = request.change != engine::AclChange::kRemove;
  FB_CO_ASSIGN_OR_RETURN(request.entries, azure::ParseAcl(*text, with_permissions));
  FB_CO_ASSIGN_OR_RETURN(request.max_records, MaxResultsOf(call, "maxRecords", kMaxRecords));
  const std::string scope = "acl/" + request.target.container.container.str() + '\0' +
                            (request.target.path ? request.target.path->str() : std::string());
  FB_CO_ASSIGN_OR_RETURN(request.start, ContinuationOf(call, scope));
  FB_CO_ASSIGN_OR_RETURN(const auto done, co_await engine::SetAccessRecursive(
                                              call.services, call.context, std::move(request)));
  http::Response response = Json(200);
  JsonObject(response.text)
      .Number("directoriesSuccessful", done.directories)
      .Raw("failedEntries", "[]")
      .Number("failureCount", 0)
      .Number("filesSuccessful", done.files)
      .Close();
  AddContinuation(response, scope, done.next);
  // The account key speaks for the whole namespace.
  response.headers.Add("x-ms-namespace-enabled", "true");
  co_return response;
}

}  // namespace forebay::rest::dfs
