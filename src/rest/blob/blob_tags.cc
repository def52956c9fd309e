// Get Blob Tags and Set Blob Tags.
#include "azure/xml_documents.h"
#include "engine/get_blob.h"
#include "engine/update_blob.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

// Conditions on the blob have names of their own here: x-ms-blob-if-match, x-ms-blob-if-none-match,
// x-ms-blob-if-modified-since and x-ms-blob-if-unmodified-since. The standard ones, which older
// clients send, are taken too; where both are there, the blob's are the ones that count.
Result<azure::Conditions> TagsConditions(const Call& call) {
  constexpr std::string_view kOfBlob = "x-ms-blob-";
  std::vector<azure::HeaderField> fields;
  for (const std::string_view name :
       {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}) {
    const auto value = azure::FindHeader(call.headers(), std::string(kOfBlob) + std::string(name));
    if (value) fields.emplace_back(name, *value);
  }
  fields.insert(fields.end(), call.headers().begin(), call.headers().end());
  return azure::ConditionsFrom(fields);
}

}  // namespace

Task<http::Response> HandleGetBlobTags(Call& call) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  request.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(request.conditions, TagsConditions(call));
  FB_CO_ASSIGN_OR_RETURN(auto blob,
                         co_await engine::GetBlob(call.services, call.context, std::move(request)));
  if (blob.not_modified) co_return NotModified(call, blob.record);
  co_return Xml(azure::TagsXml(blob.record.tags));
}

Task<http::Response> HandleSetBlobTags(Call& call) {
  engine::UpdateBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, TagsConditions(call));
  FB_CO_ASSIGN_OR_RETURN(std::string document,
                         co_await ReadDocument(call, azure::kMaxSmallXmlBytes));
  FB_CO_ASSIGN_OR_RETURN(request.tags, azure::ParseTagsXml(document));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::UpdateBlob(call.services, call.context, std::move(request)));
  co_return Empty(204);
}

}  // namespace forebay::rest
