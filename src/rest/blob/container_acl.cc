// Get Container ACL and Set Container ACL: public access and the stored access policies.
#include "azure/xml_documents.h"
#include "engine/get_container.h"
#include "engine/update_container.h"
#include "rest/blob/container_headers.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleGetContainerAcl(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(
      auto record, co_await engine::GetContainer(call.services, call.context, call.Container()));
  FB_CO_RETURN_IF_ERROR(CheckContainerLease(call, record));
  http::Response response = Xml(azure::SignedIdentifiersXml(record.policies));
  AddContainerTimes(response, record);
  AddPublicAccess(response, record.public_access);
  co_return response;
}

Task<http::Response> HandleSetContainerAcl(Call& call) {
  engine::UpdateContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  engine::UpdateContainerRequest::Acl acl;
  FB_CO_ASSIGN_OR_RETURN(acl.public_access, PublicAccessFrom(call));
  FB_CO_ASSIGN_OR_RETURN(std::string document,
                         co_await ReadDocument(call, azure::kMaxSmallXmlBytes));
  FB_CO_ASSIGN_OR_RETURN(acl.policies, azure::ParseSignedIdentifiers(document));
  request.acl = std::move(acl);
  FB_CO_ASSIGN_OR_RETURN(auto changed, co_await engine::UpdateContainer(call.services, call.context,
                                                                        std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

}  // namespace forebay::rest
