// Moves live chunks out of segments that are mostly holes, and out of volumes that are drained.
// Internal to chunk/. One thread at a time (the store's maintenance lock); blocks.
//
// A chunk is read and checked, appended elsewhere, synced, and then one transaction flips its
// record if it is still what was read, and frees the old place. Readers of the old place keep it
// until they unpin.
#pragma once

#include <set>
#include <vector>

#include "chunk/appender.h"
#include "chunk/core.h"
#include "chunk/staged_chunk.h"

namespace forebay::chunk {

class Evacuator {
 public:
  Evacuator(CorePtr core, Appender& appender) : core_(std::move(core)), appender_(appender) {}

  // Evacuates what is worth it now. kNoSpace and a stop end the pass early and are not errors.
  // Gives space back (`reclaim`) after each segment, so that long work does not keep others from
  // it.
  Result<> RunOnce(const std::function<Result<>()>& reclaim);

 private:
  struct Move {
    ChunkId id;
    ChunkRecord from;
    SegmentStagedChunkPtr to;
    bool done = false;
  };
  bool WorthMoving(const Segment& segment, std::int64_t live) const;
  Result<> MoveSegment(const SegmentPtr& segment);
  Result<std::vector<Move>> Plan(const SegmentPtr& segment, std::string& cursor);
  Result<> Copy(Move& move, const SegmentPtr& segment);
  Result<> Flip(std::vector<Move>& moves);

  CorePtr core_;
  Appender& appender_;
  std::set<SegmentId> damaged_;  // hold chunks that cannot be read; not tried again
};

}  // namespace forebay::chunk
