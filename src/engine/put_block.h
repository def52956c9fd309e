// Put Block: stages one block of a blob under its id, replacing an uncommitted block of the same
// id. Durable when it answers. Errors: kContainerNotFound, kInvalidBlobOrBlock (id of another
// length than the blob's others), kRequestBodyTooLarge (above 4,000 MiB),
// kUncommittedBlockCountExceedsLimit (100,000), kMd5Mismatch, kCrc64Mismatch, kNoSpace,
// kPathConflict (hierarchical: a directory has the name), kBlobArchived,
// kPendingCopyOperation (kNoPendingCopyOperation for a copy's own part).
#pragma once

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

inline constexpr std::uint64_t kMaxBlockBytes = 4'000ULL << 20;
inline constexpr std::size_t kMaxUncommittedBlocks = 100'000;

struct PutBlockRequest {
  BlobTarget target;
  azure::BlockId block_id;
  ExpectedChecksums expected;
  BodyReader* body = nullptr;
  bool want_md5 = false;  // compute it even if the client sent none
  std::optional<std::string> lease_id = {};
  // A part of the copy that is pending on the blob, and of no other. Empty: a client's block.
  std::string copy_id = {};
};
struct PutBlockResult {
  std::optional<std::uint64_t> crc64;  // absent: the bytes were shared, not read
  std::string content_md5;             // 16 raw bytes when computed, else empty
};

Task<PutBlockResult> PutBlock(Services& services, OpContext context, PutBlockRequest request);

}  // namespace forebay::engine
