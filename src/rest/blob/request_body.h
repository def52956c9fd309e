// A request's body as an operation reads it: length known, checksums that the client sent, and
// structured messages taken apart.
//
// One thread at a time; lives no longer than the call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "azure/structured_message.h"
#include "engine/put_blob.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest {

// The content of a structured message (azure/structured_message.h): every segment's checksum is
// verified before its end is told, so a body that was damaged ends with kCrc64Mismatch.
class StructuredReader final : public BodyReader {
 public:
  // `content_length` is x-ms-structured-content-length.
  StructuredReader(BodyReader& wire, std::uint64_t content_length)
      : wire_(wire), content_length_(content_length) {}
  std::optional<std::uint64_t> content_length() const override { return content_length_; }
  Task<std::size_t> Read(MutableByteView data) override;

 private:
  BodyReader& wire_;
  std::uint64_t content_length_;
  azure::StructuredMessageDecoder decoder_;
};

// Of one of the headers of these names. kInvalidMd5, kInvalidHeaderValue; kBothChecksumsPresent.
Result<engine::ExpectedChecksums> ChecksumsFrom(azure::HeaderSpan headers, std::string_view md5,
                                                std::string_view crc64);
// Content-MD5 or x-ms-content-crc64; the errors of ChecksumsFrom.
Result<engine::ExpectedChecksums> ExpectedFrom(azure::HeaderSpan headers);

struct RequestBody {
  BodyReader* reader = nullptr;
  std::unique_ptr<StructuredReader> structured;  // owns `reader` where it is set
  engine::ExpectedChecksums expected;

  // Tells the client that its structured body was understood.
  void AddEcho(http::Response& response) const;
};
// kMissingContentLengthHeader (411: neither a length nor chunked), kRequestBodyTooLarge for a
// declared length above `limit`, and the errors of the checksum and structured-message headers.
Result<RequestBody> OpenBody(Call& call, std::uint64_t limit);

// A whole small document, its checksums verified. An absent length counts as empty.
Task<std::string> ReadDocument(Call& call, std::size_t limit);

}  // namespace forebay::rest
