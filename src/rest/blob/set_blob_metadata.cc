// Set Blob Metadata: replaces all of it.
#include "azure/metadata.h"
#include "engine/update_blob.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleSetBlobMetadata(Call& call) {
  engine::UpdateBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.metadata, azure::MetadataFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::UpdateBlob(call.services, call.context, std::move(request)));
  co_return Written(200, result.changed);
}

}  // namespace forebay::rest
