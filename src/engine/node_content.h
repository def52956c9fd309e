// The content of a file, put together of pieces in one atomic step (docs/posix-extensions.md), and
// the blocks that are staged for that.
//
// What a commit keeps is shared by reference, whatever its size; a reader sees the content before
// or after it. Costs the pieces and the extents of what is kept, never bytes. Errors: those of
// engine/node.h, kIsADirectory, kInvalidInput (a special file, a bad plan), kConditionNotMet,
// kInvalidBlockList, kInvalidRange (a kept range behind the end), kOutOfRangeInput (size),
// kBlobArchived, kPendingCopyOperation, those of a lease, kNoSpace, kServerBusy,
// kMd5Mismatch, kCrc64Mismatch, kUncommittedBlockCountExceedsLimit, kNoSuchOffset,
// kOperationTimedOut (engine/acknowledge.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/byte_stream.h"
#include "async/context.h"
#include "azure/posix.h"
#include "engine/node.h"
#include "engine/put_blob.h"
#include "engine/services.h"

namespace forebay::engine {

inline constexpr std::size_t kMaxPieces = 50'000;
inline constexpr std::size_t kMaxWriterBytes = 64;
inline constexpr std::uint64_t kMaxPieceData = 4'000ULL << 20;  // of one commit's own bytes

struct ContentPiece {
  enum class Kind : std::uint8_t {
    kKeep,   // of the present content
    kData,   // the next bytes of the commit's body
    kZero,   // a hole
    kBlock,  // a staged block, whole
    kCopy,   // of another file of the container
  };
  Kind kind = Kind::kKeep;
  std::uint64_t offset = 0;  // of kKeep, kCopy
  std::uint64_t length = 0;  // of all but kBlock; at least 1
  std::string block;         // of kBlock: the decoded id
  meta::InodeId inode{0};    // of kCopy
  std::string path{};        // of kCopy: where to look for a file that has no place of its own
  std::string etag{};        // of kCopy: what the file must have; empty: anything
};

// The lines of a plan: "keep <offset> <length>", "data <length>", "zero <length>",
// "block <base64 id>", "copy <inode> <offset> <length> [<field line>]". kInvalidInput,
// kInvalidBlockId.
Result<std::vector<ContentPiece>> ParsePlan(std::string_view text);

struct CommitNodeRequest {
  NodeTarget target;  // its If-Match is needed where anything is kept
  std::vector<ContentPiece> pieces;
  BodyReader* body = nullptr;  // the bytes of the kData pieces
  std::string writer;          // whose blocks are meant, and go; others' stay
  azure::PosixChanges set;     // in the same step
};
Task<azure::PosixAttributes> CommitNode(Services& services, OpContext context,
                                        CommitNodeRequest request);

struct StageNodeRequest {
  NodeTarget target;
  std::string block;   // 1 to 64 bytes
  std::string writer;  // of whom a later commit must say the same; at most kMaxWriterBytes
  BodyReader* body = nullptr;
  ExpectedChecksums expected;
};
// The CRC-64 of the block.
Task<std::uint64_t> StageNode(Services& services, OpContext context, StageNodeRequest request);

// Where data, or a hole, begins at or behind `offset`. kNoSuchOffset.
Task<std::uint64_t> SeekNode(Services& services, OpContext context, NodeTarget target,
                             std::uint64_t offset, bool data);

}  // namespace forebay::engine
