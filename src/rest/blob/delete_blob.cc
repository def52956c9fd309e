#include "engine/delete_blob.h"

#include "azure/error_table.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

Result<std::optional<WallTime>> DateFrom(const Call& call, std::string_view name) {
  const auto text = azure::FindHeader(call.headers(), name);
  if (!text) return std::optional<WallTime>();
  auto time = azure::ParseHttpDate(*text);
  if (!time) return Fail(azure::InvalidHeaderError(name, *text));
  return time;
}

}  // namespace

Task<http::Response> HandleDeleteBlob(Call& call) {
  engine::DeleteBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.snapshots, azure::DeleteSnapshotsFromHeaders(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(request.tier_modified_since,
                         DateFrom(call, "x-ms-access-tier-if-modified-since"));
  FB_CO_ASSIGN_OR_RETURN(request.tier_unmodified_since,
                         DateFrom(call, "x-ms-access-tier-if-unmodified-since"));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::DeleteBlob(call.services, call.context, std::move(request)));
  http::Response response = Empty(202);
  // Without soft delete the blob is gone for good.
  response.headers.Add("x-ms-delete-type-permanent", "true");
  co_return response;
}

}  // namespace forebay::rest
