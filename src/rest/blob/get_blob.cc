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

Result<engine::GetBlobRequest> RequestFrom(const Call& call, const ReadOptions& options) {
  engine::GetBlobRequest request;
  request.target = call.Blob();
  FB_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  if (options.range) {
    request.range = engine::GetBlobRequest::Range{options.range->first, std::nullopt};
    if (options.range->last) {
      const std::uint64_t span = *options.range->last - options.range->first;
      // bytes=0-18446744073709551615 would wrap around.
      if (span != UINT64_MAX) request.range->length = span + 1;
    }
  }
  return request;
}

// A header with the checksum of the bytes of `source`, which is read to its end piece by piece.
Task<std::pair<std::string, std::string>> ChecksumOf(std::unique_ptr<BodySource> source, bool md5) {
  Md5 digest;
  std::uint64_t crc = 0;
  while (source != nullptr) {
    FB_CO_ASSIGN_OR_RETURN(auto piece, co_await source->Next(/*allow_file=*/false));
    if (!piece) break;
    if (md5) {
      digest.Update(piece->memory);
    } else {
      crc = Crc64(piece->memory, crc);
    }
  }
  std::pair<std::string, std::string> header("x-ms-content-crc64", azure::FormatCrc64(crc));
  if (md5) {
    const Md5Digest whole = digest.Finish();
    header = {"Content-MD5", Base64Of(AsText(whole))};
  }
  co_return header;
}

// A range with its checksum: it is read once for that, and the same bytes are opened again. The
// checksum goes in front of them, and a range kept in memory meanwhile would be 4 MiB for every
// client that reads slowly.
Task<engine::GetBlobResult> OpenWithChecksum(
    Call& call, bool md5, engine::GetBlobRequest request,
    std::optional<std::pair<std::string, std::string>>& checksum) {
  constexpr int kMaxAttempts = 4;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    FB_CO_ASSIGN_OR_RETURN(engine::GetBlobResult blob,
                           co_await engine::GetBlob(call.services, call.context, request));
    if (blob.not_modified) co_return blob;
    if (blob.length > azure::kMaxChecksumRange) {
      co_return Fail(Code::kOutOfRangeInput,
                     "A range for which a checksum is asked may have at most 4 MiB.");
    }
    FB_CO_ASSIGN_OR_RETURN(checksum, co_await ChecksumOf(std::move(blob.body), md5));
    engine::GetBlobRequest same = request;
    same.conditions = {};
    same.conditions.if_match =
        azure::ETagCondition{.any = false, .etags = {azure::MakeETag(blob.record.etag.value())}};
    auto again = co_await engine::GetBlob(call.services, call.context, std::move(same));
    if (again) co_return again;
    const Code code = again.error().code();
    if (code != Code::kConditionNotMet && code != Code::kBlobNotFound) {
      co_return Fail(std::move(again.error()));
    }
  }
  co_return Fail(Code::kServerBusy,
                 "The blob is overwritten faster than it can be read; try again.");
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
  FB_CO_ASSIGN_OR_RETURN(engine::GetBlobRequest request, RequestFrom(call, options));
  std::optional<std::pair<std::string, std::string>> checksum;
  Result<engine::GetBlobResult> result;
  if (options.want_md5 || options.want_crc64) {
    result = co_await OpenWithChecksum(call, options.want_md5, std::move(request), checksum);
  } else {
    result = co_await engine::GetBlob(call.services, call.context, std::move(request));
  }
  if (!result) {
    if (result.error().code() != Code::kInvalidRange) co_return Fail(std::move(result.error()));
    co_return co_await UnsatisfiedRange(call, std::move(result.error()));
  }
  engine::GetBlobResult& blob = *result;
  if (blob.not_modified) co_return NotModified(call, blob.record);
  const bool ranged = options.range.has_value();
  http::Response response = Empty(ranged ? 206 : 200);
  AddBlobHeaders(response, call, {blob.record, blob.hierarchical, false, ranged, blob.resident});
  if (ranged) {
    response.headers.Add("Content-Range",
                         azure::FormatContentRange({blob.offset, blob.length}, blob.record.length));
  }
  if (checksum) response.headers.Add(checksum->first, checksum->second);
  AttachBody(response, blob, options.structured && !checksum);
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
  AddBlobHeaders(response, call, {blob.record, blob.hierarchical, true, false, blob.resident});
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
