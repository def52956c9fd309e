// The uncommitted side of a blob: staged blocks. Shared by Put Block and Put Block From URL.
#pragma once

#include <string>

#include "engine/commit.h"
#include "engine/services.h"
#include "meta/records.h"

namespace forebay::engine {

// In the transaction that stages a block: finds the blob's staging, or begins one as `fresh`
// (kInvalidBlobOrBlock when the id's length differs from the blob's other ids), stores the block,
// and releases a staged block of the same id. kContainerNotFound, kPathConflict,
// kInvalidBlobOrBlock, kBlobArchived; kPendingCopyOperation, or with a `copy_id`
// kNoPendingCopyOperation when that copy is over.
struct StageRequest {
  const BlobTarget& target;
  const azure::BlockId& block_id;
  meta::BodyId fresh;
  WallTime now;
  const meta::StagedBlockRecord& block;
  std::string_view copy_id = {};  // of the pending copy that stages it
  std::optional<std::string> lease_id = {};
};
struct Staged {
  meta::BodyId generation;
};
Result<Staged> StageBlock(Services& services, kv::Transaction& txn, const StageRequest& request);

// The part that Append Path shares: puts the block under its generation, counts it, and releases a
// staged block of the same id.
Result<> StoreStagedBlock(Services& services, kv::Transaction& txn, meta::BodyId generation,
                          const azure::BlockId& block_id, const meta::StagedBlockRecord& block,
                          WallTime now);

// From a snapshot, before bytes are read: the errors of StageBlock, and
// kUncommittedBlockCountExceedsLimit (which is not exact to the block).
Result<> CheckRoomForBlock(const kv::Reader& reader, const BlobTarget& target,
                           std::string_view copy_id = {});

}  // namespace forebay::engine
