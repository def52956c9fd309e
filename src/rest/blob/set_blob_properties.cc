// Set Blob Properties (the HTTP headers): what the request does not name is cleared.
#include "engine/update_blob.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleSetBlobProperties(Call& call) {
  engine::UpdateBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.http, azure::HttpHeadersFrom(call.headers(), false));
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::UpdateBlob(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, result.changed);
  co_return response;
}

}  // namespace forebay::rest
