// Get Blob, Get Blob Properties and Get Blob Metadata.
#include "engine/get_blob.h"

#include "azure/error_table.h"
#include "azure/ranges.h"
#include "azure/structured_message.h"
#include "base/checksum.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"
#include "rest/blob/structured_source.h"

namespace forebay::rest {
namespace {

struct ReadOptions {
  std::optional<azure::RangeRequest> range;
  bool want_md5 = false;
  bool want_crc64 = false;
  bool structured = false;
};

Result<bool> Flag(const Call& call, std::string_view name) {
  const auto text = azure::FindHeader(call.headers(), name);
  if (!text) return false;
  const auto value = azure::ParseBool(*text);
  if (!value) return Fail(azure::InvalidHeaderError(name, *text));
  return *value;
}

Result<ReadOptions> OptionsFrom(const Call& call) {
  ReadOptions out;
  FB_ASSIGN_OR_RETURN(out.range, azure::RangeFrom(call.headers()));
  FB_ASSIGN_OR_RETURN(out.want_md5, Flag(call, "x-ms-range-get-content-md5"));
  FB_ASSIGN_OR_RETURN(out.want_crc64, Flag(call, "x-ms-range-get-content-crc64"));
  if (const auto schema = azure::FindHeader(call.headers(), "x-ms-structured-body")) {
    FB_RETURN_IF_ERROR(azure::CheckStructuredBodyHeader(*schema));
    out.structured = true;
  }
  if (!out.want_md5 && !out.want_crc64) return out;
  const std::string_view name =
      out.want_md5 ? "x-ms-range-get-content-md5" : "x-ms-range-get-content-crc64";
  if (out.want_md5 && out.want_crc64) return Fail(azure::InvalidHeaderError(name, "true"));
  if (!out.range) return Fail(azure::InvalidHeaderError(name, "true"));
  return out;
}

// Reads the range into memory (4 MiB at most) and adds its checksum.
Task<> AddRangeChecksum(http::Response& response, engine::GetBlobResult& blob,
                        const ReadOptions& options) {
  if (blob.length > azure::kMaxChecksumRange) {
    co_return Fail(Code::kOutOfRangeInput,
                   "A range for which a checksum is asked may have at most 4 MiB.");
  }
  std::string content;
  if (blob.body != nullptr) {
    FB_CO_ASSIGN_OR_RETURN(content, co_await engine::ReadAllOf(std::move(blob.body)));
  }
  if (options.want_md5) {
    const Md5Digest digest = Md5::Of(AsBytes(content));
    response.headers.Add("Content-MD5", Base64Of(AsText(digest)));
  } else {
    response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(Crc64(AsBytes(content))));
  }
  response.text = std::move(content);
  co_return Result<>();
}

void AttachBody(http::Response& response, engine::GetBlobResult& blob, bool structured) {
  if (structured) {
    response.headers.Add("x-ms-structured-body", std::string(azure::kStructuredBodyCrc64));
    response.headers.Add("x-ms-structured-content-length", std::to_string(blob.length));
    auto source = std::make_unique<StructuredSource>(std::move(blob.body), blob.length);
    response.content_length = source->message_length();
    response.source = std::move(source);
    return;
  }
  response.content_length = blob.length;
  response.source = std::move(blob.body);
}

// A 416 says how long the blob is.
Task<http::Response> UnsatisfiedRange(Call& call, Error error) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  request.want_body = false;
  auto blob = co_await engine::GetBlob(call.services, call.context, std::move(request));
  if (!blob) co_return Fail(std::move(error));
  http::Response response = ErrorResponse(error, call.context.request_id, call.is_head(), call.now);
  response.headers.Add("Content-Range", azure::FormatUnsatisfiedRange(blob->record.length));
  co_return response;
}

}  // namespace

Task<http::Response> HandleGetBlob(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const ReadOptions options, OptionsFrom(call));
  engine::GetBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  if (options.range) {
    request.range = engine::GetBlobRequest::Range{options.range->first, std::nullopt};
    if (options.range->last) {
      const std::uint64_t span = *options.range->last - options.range->first;
      // bytes=0-18446744073709551615 would wrap around.
      if (span != UINT64_MAX) request.range->length = span + 1;
    }
  }
  auto result = co_await engine::GetBlob(call.services, call.context, std::move(request));
  if (!result) {
    if (result.error().code() != Code::kInvalidRange) co_return Fail(std::move(result.error()));
    co_return co_await UnsatisfiedRange(call, std::move(result.error()));
  }
  engine::GetBlobResult& blob = *result;
  if (blob.not_modified) co_return NotModified(call, blob.record);
  const bool ranged = options.range.has_value();
  http::Response response = Empty(ranged ? 206 : 200);
  AddBlobHeaders(response, call, {blob.record, blob.hierarchical, false, ranged});
  if (ranged) {
    response.headers.Add("Content-Range",
                         azure::FormatContentRange({blob.offset, blob.length}, blob.record.length));
  }
  if (options.want_md5 || options.want_crc64) {
    FB_CO_RETURN_IF_ERROR(co_await AddRangeChecksum(response, blob, options));
    co_return response;
  }
  AttachBody(response, blob, options.structured);
  co_return response;
}

Task<http::Response> HandleGetBlobProperties(Call& call) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  request.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(auto blob,
                         co_await engine::GetBlob(call.services, call.context, std::move(request)));
  if (blob.not_modified) co_return NotModified(call, blob.record);
  http::Response response = Empty(200);
  AddBlobHeaders(response, call, {blob.record, blob.hierarchical, true, false});
  response.content_length = blob.record.length;
  co_return response;
}

Task<http::Response> HandleGetBlobMetadata(Call& call) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  request.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(auto blob,
                         co_await engine::GetBlob(call.services, call.context, std::move(request)));
  if (blob.not_modified) co_return NotModified(call, blob.record);
  http::Response response = Empty(200);
  AddChanged(response, {azure::MakeETag(blob.record.etag.value()), blob.record.modified});
  AddMetadata(response, blob.record.metadata);
  AddFolderMark(response, blob.record);
  co_return response;
}

}  // namespace forebay::rest
