// Set Blob Tier: the attribute. 202 where the blob leaves the archive, 200 otherwise.
#include "azure/error_table.h"
#include "engine/update_blob.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleSetBlobTier(Call& call) {
  engine::UpdateBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.tier, azure::TierFromHeaders(call.headers()));
  if (!request.tier) co_return Fail(azure::MissingHeaderError("x-ms-access-tier"));
  FB_CO_ASSIGN_OR_RETURN(request.rehydrate_priority,
                         azure::RehydratePriorityFromHeaders(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::UpdateBlob(call.services, call.context, std::move(request)));
  co_return Empty(result.rehydration_pending ? 202 : 200);
}

}  // namespace forebay::rest
