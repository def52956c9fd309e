// Get Container Properties, and Get Container Metadata, which shows less of the same.
#include "engine/get_container.h"
#include "rest/blob/attach_trail.h"
#include "rest/blob/container_headers.h"
#include "rest/blob/handlers.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleGetContainerProperties(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto led_back, co_await AnswerAttachTrail(call));
  if (led_back) co_return std::move(*led_back);
  FB_CO_ASSIGN_OR_RETURN(
      auto record, co_await engine::GetContainer(call.services, call.context, call.Container()));
  FB_CO_RETURN_IF_ERROR(CheckContainerLease(call, record));
  http::Response response = Empty(200);
  AddContainerTimes(response, record);
  AddMetadata(response, record.metadata);
  if (call.operation == azure::Operation::kGetContainerMetadata) co_return response;
  AddLeaseHeaders(response, record.lease, call.now);
  AddPublicAccess(response, record.public_access);
  response.headers.Add("x-ms-has-immutability-policy", "false");
  response.headers.Add("x-ms-has-legal-hold", "false");
  response.headers.Add("x-ms-immutable-storage-with-versioning-enabled", "false");
  response.headers.Add("x-ms-default-encryption-scope", "$account-encryption-key");
  response.headers.Add("x-ms-deny-encryption-scope-override", "false");
  co_return response;
}

}  // namespace forebay::rest
