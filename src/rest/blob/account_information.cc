// Get Account Information, on any level: a container or blob in the URL need not exist.
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleGetAccountInformation(Call& call) {
  http::Response response = Empty(200);
  response.headers.Add("x-ms-sku-name", "Standard_LRS");
  response.headers.Add("x-ms-account-kind", "StorageV2");
  response.headers.Add("x-ms-is-hns-enabled", call.account->hierarchical ? "true" : "false");
  co_return response;
}

}  // namespace forebay::rest
