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
// kInvalidBlobOrBlock.
struct StageRequest {
  const BlobTarget& target;
  const azure::BlockId& block_id;
  meta::BodyId fresh;
  WallTime now;
  const meta::StagedBlockRecord& block;
};
struct Staged {
  meta::BodyId generation;
};
Result<Staged> StageBlock(Services& services, kv::Transaction& txn, const StageRequest& request);

// kUncommittedBlockCountExceedsLimit, from a snapshot: the limit is not exact to the block.
Result<> CheckRoomForBlock(const kv::Reader& reader, const BlobTarget& target);

}  // namespace forebay::engine
