// Put Blob (block blob, whole body in one request): replaces whatever had the name, with its
// uncommitted blocks. Content-MD5 is always computed and stored. The body is durable before the
// name changes, and nothing changes unless the body came whole and its checksums fit. Errors:
// kContainerNotFound, kConditionNotMet, kBlobAlreadyExists (If-None-Match: *), kMd5Mismatch,
// kCrc64Mismatch, kRequestBodyTooLarge, kPathConflict, kPendingCopyOperation, kBlobArchived,
// kNoSpace, the body's own.
#pragma once

#include <cstdint>
#include <optional>

#include "async/byte_stream.h"
#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

inline constexpr std::uint64_t kMaxPutBlobBytes = 5'000ULL << 20;

// What a write gives a blob besides its bytes.
struct BlobAttributes {
  azure::BlobHttpHeaders http;
  azure::Metadata metadata;
  azure::Tags tags;
  std::optional<azure::AccessTier> tier;  // absent: the account's default, inferred
};

// Checksums that the client sent with a body; verified before anything changes.
struct ExpectedChecksums {
  std::optional<std::string> md5;  // 16 raw bytes
  std::optional<std::uint64_t> crc64;
};

struct PutBlobRequest {
  BlobTarget target;
  azure::Conditions conditions;
  BlobAttributes attributes;  // http.content_md5 (x-ms-blob-content-md5) is stored when given
  ExpectedChecksums expected;
  BodyReader* body = nullptr;   // null: empty
  azure::CopyState copy;        // Copy Blob of a URL elsewhere
  bool make_directory = false;  // hierarchical: an empty blob with metadata hdi_isfolder
};
struct PutBlobResult {
  Changed changed;
  std::string content_md5;  // 16 raw bytes, of the bytes received
  std::uint64_t crc64 = 0;
};

Task<PutBlobResult> PutBlob(Services& services, OpContext context, PutBlobRequest request);

}  // namespace forebay::engine
