// Making staged chunks durable: one fdatasync a segment for everybody who waits. Internal to
// chunk/.
#pragma once

#include <vector>

#include "async/thread_pool.h"
#include "chunk/core.h"
#include "chunk/staged_chunk.h"

namespace forebay::chunk {

// kVolumeFailed when a chunk's volume failed before or in this; kBusy when the pool's queue is
// full.
Task<> SyncOnPool(CorePtr core, ThreadPool& pool, OpContext context,
                  std::vector<SegmentStagedChunkPtr> chunks);

// The same on the calling thread, for maintenance.
Result<> SyncBlocking(Core& core, const std::vector<SegmentStagedChunkPtr>& chunks);

}  // namespace forebay::chunk
