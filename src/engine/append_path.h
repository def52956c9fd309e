// Append Path: stages bytes of a file at a position; Flush Path makes them part of it.
//
// Positions may come in any order and in parallel; bytes at a position that was staged already
// replace what was there. What is staged hangs under the file's id, so it moves with a rename, and
// goes when the file is overwritten or deleted. Durable when it answers. Errors:
// kContainerNotFound, kBlobNotFound (a file is created first), kPathConflict (a directory),
// kInvalidHeaderValue (no bytes), kInvalidFlushPosition (bytes below the file's length, which no
// flush could take), kOutOfRangeQueryParameterValue and kRequestBodyTooLarge (beyond
// kMaxFileBytes), kUnauthorizedBlobOverwrite (`only_if_empty`), kUncommittedBlockCountExceedsLimit,
// kMd5Mismatch, kCrc64Mismatch, kNoSpace, kBlobArchived, those of a lease.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// What a block blob may have: 50,000 blocks of 4,000 MiB.
inline constexpr std::uint64_t kMaxFileBytes = 50'000ULL * 4000 * 1024 * 1024;

struct AppendPathRequest {
  BlobTarget target;
  std::uint64_t position = 0;
  std::optional<std::string> lease_id;
  ExpectedChecksums expected;
  BodyReader* body = nullptr;
  bool want_md5 = false;
  bool only_if_empty = false;  // the caller may fill a new file, and change no other
};
struct AppendPathResult {
  std::uint64_t length = 0;  // of what was appended
  std::uint64_t crc64 = 0;
  std::string content_md5;  // 16 raw bytes when computed, else empty
};

Task<AppendPathResult> AppendPath(Services& services, OpContext context, AppendPathRequest request);

// The id under which the bytes at `position` are staged: 8 bytes that sort as numbers do.
azure::BlockId AppendId(std::uint64_t position);
std::uint64_t PositionOfAppendId(std::string_view id);

}  // namespace forebay::engine
