// Path Create: a file or a directory.
#include "engine/create_path.h"

#include "azure/error_table.h"
#include "base/encoding.h"
#include "rest/blob/attributes.h"
#include "rest/blob/expiry_headers.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

Result<> AccessFrom(const Call& call, engine::CreatePathRequest& request) {
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-permissions")) {
    FB_ASSIGN_OR_RETURN(request.mode, azure::ParsePermissions(*text));
  }
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-umask")) {
    FB_ASSIGN_OR_RETURN(request.umask, azure::ParseUmask(*text));
  }
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-acl")) {
    FB_ASSIGN_OR_RETURN(request.acl, azure::ParseAcl(*text));
  }
  if (request.mode && !request.acl.empty()) {
    return Fail(Code::kInvalidInput, "Permissions and an ACL cannot be set at once.");
  }
  request.owner = std::string(call.Header("x-ms-owner"));
  request.group = std::string(call.Header("x-ms-group"));
  return {};
}

Result<> LeaseOf(const Call& call, engine::CreatePathRequest& request) {
  const auto id = azure::FindHeader(call.headers(), "x-ms-proposed-lease-id");
  if (!id) return {};
  if (!IsLeaseId(*id)) return Fail(azure::InvalidHeaderError("x-ms-proposed-lease-id", *id));
  const auto duration = azure::FindHeader(call.headers(), "x-ms-lease-duration");
  if (!duration) return Fail(azure::MissingHeaderError("x-ms-lease-duration"));
  FB_ASSIGN_OR_RETURN(request.lease_seconds, LeaseSeconds(*duration));
  request.proposed_lease_id = std::string(*id);
  return {};
}

}  // namespace

Task<http::Response> HandleCreatePath(Call& call) {
  const auto path = PathOf(call);
  if (!path) co_return Fail(Code::kBlobAlreadyExists, "The root directory exists.");
  engine::CreatePathRequest request;
  request.target = call.Blob();
  request.directory = EqualsIgnoreCase(call.QueryValue("resource"), "directory");
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  FB_CO_ASSIGN_OR_RETURN(const auto http, HttpChangesFrom(call.headers()));
  http.ApplyTo(request.attributes.http);
  FB_CO_ASSIGN_OR_RETURN(auto properties, PropertiesFrom(call.headers()));
  if (properties) request.attributes.metadata = std::move(*properties);
  FB_CO_RETURN_IF_ERROR(AccessFrom(call, request));
  FB_CO_RETURN_IF_ERROR(LeaseOf(call, request));
  FB_CO_ASSIGN_OR_RETURN(request.expiry, ExpiryFrom(call.headers()));
  auto changed = co_await engine::CreatePath(call.services, call.context, std::move(request));
  if (!changed) co_return Fail(OverwriteError(call, std::move(changed.error())));
  http::Response response = Written(201, *changed);
  co_return response;
}

}  // namespace forebay::rest::dfs
