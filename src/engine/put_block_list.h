// Put Block List: makes a blob of blocks staged for it or already committed in it, in the order
// given; staged blocks that are not named are dropped. Bytes do not move, but those of committed
// blocks that only a lake has, which are fetched first. A long list is prepared in invisible pages,
// then one small transaction makes the blob; concurrent commits of one blob are serialized by it.
// Errors: those of the lake (kOffline), kContainerNotFound, kInvalidBlockList (a block is not where
// the list says), kBlockListTooLong (above 50,000 blocks, or Limits::plan_extents of what they are
// stored in), kConditionNotMet, kBlobAlreadyExists, kPathConflict, kPendingCopyOperation,
// kBlobArchived.
#pragma once

#include <vector>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

inline constexpr std::size_t kMaxBlocks = 50'000;

enum class BlockSource : std::uint8_t { kCommitted, kUncommitted, kLatest };
struct BlockListEntry {
  BlockSource source = BlockSource::kLatest;
  azure::BlockId id;
};

struct PutBlockListRequest {
  BlobTarget target;
  azure::Conditions conditions;
  BlobAttributes attributes;  // http.content_md5 is stored as given, never verified, as in Azure
  std::vector<BlockListEntry> blocks;
  azure::CopyState copy = {};  // the end of the copy that is pending on the blob
};

Task<Changed> PutBlockList(Services& services, OpContext context, PutBlockListRequest request);

}  // namespace forebay::engine
