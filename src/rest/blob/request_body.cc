#include "rest/blob/request_body.h"

#include "azure/error_table.h"
#include "base/checksum.h"
#include "http/client.h"

namespace forebay::rest {
namespace {

Error TooLarge(std::uint64_t limit) {
  return Error(Code::kRequestBodyTooLarge,
               "The request body is too large and exceeds the maximum permissible limit.")
      .WithDetail("MaxLimit: " + std::to_string(limit));
}

bool DeclaresBody(const Call& call) {
  return call.request.headers.Has("content-length") ||
         call.request.headers.Has("transfer-encoding");
}

}  // namespace

Task<std::size_t> StructuredReader::Read(MutableByteView data) {
  if (data.empty()) co_return 0;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(std::size_t size, co_await wire_.Read(data));
    if (size == 0) {
      FB_CO_RETURN_IF_ERROR(decoder_.Finish(content_length_));
      co_return 0;
    }
    // In place: content never takes more room than the message it came in.
    FB_CO_ASSIGN_OR_RETURN(auto step, decoder_.Decode(data.first(size), data.first(size)));
    if (step.consumed != size) {
      co_return Fail(Code::kInvalidInput, "The structured message is followed by other bytes.");
    }
    if (step.produced > 0) co_return step.produced;
  }
}

Result<engine::ExpectedChecksums> ChecksumsFrom(azure::HeaderSpan headers, std::string_view md5,
                                                std::string_view crc64) {
  engine::ExpectedChecksums expected;
  if (const auto text = azure::FindHeader(headers, md5)) {
    FB_ASSIGN_OR_RETURN(expected.md5, azure::ParseMd5(*text));
  }
  if (const auto text = azure::FindHeader(headers, crc64)) {
    const auto crc = azure::ParseCrc64(*text);
    // Azure has a code of its own for a malformed MD5 only.
    if (!crc) return Fail(azure::InvalidHeaderError(crc64, *text));
    expected.crc64 = *crc;
    if (expected.md5) return Fail(azure::BothChecksumsError(crc64));
  }
  return expected;
}

Result<engine::ExpectedChecksums> ExpectedFrom(azure::HeaderSpan headers) {
  return ChecksumsFrom(headers, "content-md5", "x-ms-content-crc64");
}

void RequestBody::AddEcho(http::Response& response) const {
  if (structured == nullptr) return;
  response.headers.Add("x-ms-structured-body", std::string(azure::kStructuredBodyCrc64));
}

Result<RequestBody> OpenBody(Call& call, std::uint64_t limit) {
  if (!DeclaresBody(call)) {
    return Fail(Code::kMissingContentLengthHeader, "The Content-Length header was not specified.");
  }
  RequestBody body;
  body.reader = call.request.body;
  FB_ASSIGN_OR_RETURN(body.expected, ExpectedFrom(call.headers()));
  std::optional<std::uint64_t> length = body.reader->content_length();
  if (const auto schema = azure::FindHeader(call.headers(), "x-ms-structured-body")) {
    FB_RETURN_IF_ERROR(azure::CheckStructuredBodyHeader(*schema));
    const auto text = azure::FindHeader(call.headers(), "x-ms-structured-content-length");
    if (!text) return Fail(azure::MissingHeaderError("x-ms-structured-content-length"));
    length = azure::ParseUint(*text);
    if (!length) return Fail(azure::InvalidHeaderError("x-ms-structured-content-length", *text));
    body.structured = std::make_unique<StructuredReader>(*body.reader, *length);
    body.reader = body.structured.get();
  }
  if (length && *length > limit) return Fail(TooLarge(limit));
  return body;
}

Task<std::string> ReadDocument(Call& call, std::size_t limit) {
  FB_CO_ASSIGN_OR_RETURN(auto expected, ExpectedFrom(call.headers()));
  const auto length = call.request.body->content_length();
  if (length && *length > limit) co_return Fail(TooLarge(limit));
  // Small documents are many and harmless; a thousand block lists of 8 MiB are not.
  constexpr std::size_t kFree = 64u << 10;
  const std::size_t needed = length ? static_cast<std::size_t>(*length) : limit;
  if (needed > kFree) {
    FB_CO_ASSIGN_OR_RETURN(call.document_memory,
                           co_await call.documents.Acquire(needed, call.context));
  }
  FB_CO_ASSIGN_OR_RETURN(std::string document, co_await http::ReadAll(*call.request.body, limit));
  if (expected.md5) {
    const Md5Digest digest = Md5::Of(AsBytes(document));
    if (AsText(digest) != *expected.md5) {
      co_return Fail(Code::kMd5Mismatch, "The document does not fit its Content-MD5.");
    }
  }
  if (expected.crc64 && *expected.crc64 != Crc64(AsBytes(document))) {
    co_return Fail(Code::kCrc64Mismatch, "The document does not fit its x-ms-content-crc64.");
  }
  co_return document;
}

}  // namespace forebay::rest
