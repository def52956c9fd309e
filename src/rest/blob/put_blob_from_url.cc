// Put Blob From URL: a new block blob with the content of a URL. By reference where the source is a
// blob of this server.
#include "azure/error_table.h"
#include "azure/metadata.h"
#include "engine/copy_blob.h"
#include "engine/put_blob.h"
#include "rest/blob/attributes.h"
#include "rest/blob/copy_attributes.h"
#include "rest/blob/copy_source.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

// x-ms-copy-source-blob-properties, true unless it says otherwise.
Result<bool> TakesProperties(const Call& call) {
  const auto text = azure::FindHeader(call.headers(), "x-ms-copy-source-blob-properties");
  if (!text) return true;
  const auto value = azure::ParseBool(*text);
  if (!value) return Fail(azure::InvalidHeaderError("x-ms-copy-source-blob-properties", *text));
  return *value;
}

Task<http::Response> FromHere(Call& call, LocalSource source) {
  engine::CopyBlobRequest request;
  request.source = std::move(source.target);
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.source_conditions, azure::SourceConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(CopyAttributes given, CopyAttributesFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(const bool takes_properties, TakesProperties(call));
  request.http =
      MergeHttp(given.http, takes_properties ? source.record.http : OnlyMd5(source.record.http));
  // The bytes that are committed say their own MD5: the source may be written over until then.
  if (given.http.content_md5.empty()) request.http->content_md5.clear();
  request.metadata = std::move(given.metadata);
  request.tags = std::move(given.tags);
  request.copy_tags = given.copy_tags;
  request.tier = given.tier;
  FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  const auto expected = request.expected;
  auto result = co_await engine::CopyBlob(call.services, call.context, std::move(request));
  if (!result) {
    co_return Fail(OverwriteError(call, LocalCopyError(std::move(result.error()))));
  }
  http::Response response = Written(201, result->changed);
  if (!result->content_md5.empty()) {
    response.headers.Add("Content-MD5", Base64Of(result->content_md5));
  }
  if (expected.crc64) {
    response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(*expected.crc64));
  }
  co_return response;
}

Task<http::Response> FromElsewhere(Call& call, const std::string& url) {
  engine::PutBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  FB_CO_ASSIGN_OR_RETURN(CopyAttributes given, CopyAttributesFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(const bool takes_properties, TakesProperties(call));
  FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(FetchedSource source,
                         co_await call.sources.Fetch(call, url, std::nullopt));
  FB_CO_ASSIGN_OR_RETURN(request.attributes,
                         RemoteAttributes(std::move(given), source.headers, takes_properties));
  if (source.length > engine::kMaxPutBlobBytes) {
    co_return Fail(Code::kSourceTooLarge, "The source is larger than one request may copy.");
  }
  request.body = source.body.get();
  auto result = co_await engine::PutBlob(call.services, call.context, std::move(request));
  if (!result) co_return Fail(OverwriteError(call, std::move(result.error())));
  http::Response response = Written(201, result->changed);
  response.headers.Add("Content-MD5", Base64Of(result->content_md5));
  response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(result->crc64));
  co_return response;
}

}  // namespace

Task<http::Response> HandlePutBlobFromUrl(Call& call) {
  const auto type_text = call.Header("x-ms-blob-type");
  if (azure::ParseBlobType(type_text) != azure::BlobType::kBlock) {
    co_return Fail(azure::InvalidHeaderError("x-ms-blob-type", type_text));
  }
  FB_CO_RETURN_IF_ERROR(CheckNoBody(call));
  FB_CO_ASSIGN_OR_RETURN(const std::string url, call.sources.UrlOf(call));
  FB_CO_ASSIGN_OR_RETURN(auto local, co_await call.sources.FindLocal(call, url));
  if (local) co_return co_await FromHere(call, std::move(*local));
  co_return co_await FromElsewhere(call, url);
}

}  // namespace forebay::rest
