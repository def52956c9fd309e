// Get Blob Tags and Set Blob Tags.
#include "azure/xml_documents.h"
#include "engine/get_blob.h"
#include "engine/update_blob.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleGetBlobTags(Call& call) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  request.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(auto blob,
                         co_await engine::GetBlob(call.services, call.context, std::move(request)));
  if (blob.not_modified) co_return NotModified(call, blob.record);
  co_return Xml(azure::TagsXml(blob.record.tags));
}

Task<http::Response> HandleSetBlobTags(Call& call) {
  engine::UpdateBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(std::string document,
                         co_await ReadDocument(call, azure::kMaxSmallXmlBytes));
  FB_CO_ASSIGN_OR_RETURN(request.tags, azure::ParseTagsXml(document));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::UpdateBlob(call.services, call.context, std::move(request)));
  co_return Empty(204);
}

}  // namespace forebay::rest
