// Put Blob, block blobs only.
#include "engine/put_blob.h"

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "rest/blob/attributes.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandlePutBlob(Call& call) {
  const auto type_text = call.Header("x-ms-blob-type");
  const auto type = azure::ParseBlobType(type_text);
  if (!type) co_return Fail(azure::InvalidHeaderError("x-ms-blob-type", type_text));
  if (*type != azure::BlobType::kBlock) {
    co_return Fail(azure::UnsupportedHeaderError("x-ms-blob-type", type_text));
  }
  engine::PutBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.attributes, AttributesFrom(call.headers(), true));
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, engine::kMaxPutBlobBytes));
  request.expected = body.expected;
  // What is to be stored as the blob's MD5 is verified too, and before Content-MD5.
  const std::string& md5 = request.attributes.http.content_md5;
  if (!md5.empty()) request.expected.md5 = md5;
  request.body = body.reader;
  request.make_directory = call.account->hierarchical && IsFolder(request.attributes.metadata);
  auto result = co_await engine::PutBlob(call.services, call.context, std::move(request));
  if (!result) co_return Fail(OverwriteError(call, std::move(result.error())));
  http::Response response = Written(201, result->changed);
  response.headers.Add("Content-MD5", Base64Of(result->content_md5));
  response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(result->crc64));
  body.AddEcho(response);
  co_return response;
}

}  // namespace forebay::rest
