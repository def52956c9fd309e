// Gives space back: turns dropped chunks into free records, punches holes, seals full segments,
// removes dead ones. Internal to chunk/.
//
// One thread at a time (the store's maintenance lock); blocks. The order is what keeps it safe:
// a free record must be durable and unpinned before its hole is punched, and the hole synced before
// the record goes. Nothing here is lost by a crash at any point; it is done again.
#pragma once

#include <cstdint>
#include <vector>

#include "chunk/core.h"

namespace forebay::chunk {

class Reclaimer {
 public:
  explicit Reclaimer(CorePtr core) : core_(std::move(core)) {}

  Result<> FreeDropped();
  Result<> SealFull();
  // Punches all that may be. Does nothing under a backup pin.
  Result<> PunchFreed();
  Result<> RemoveDead();

 private:
  struct FreeRange {
    SegmentPtr segment;
    Location location;
    std::uint64_t length = 0;  // aligned
  };
  // A batch from `cursor` on, which moves past it; `gone` gets records of segments that are no
  // more.
  Result<std::vector<FreeRange>> Collect(std::string& cursor, std::vector<Location>& gone);
  Result<> Barrier();
  std::vector<Location> Punch(std::vector<FreeRange> ranges);
  Result<> PunchSegment(const SegmentPtr& segment, std::span<const FreeRange> ranges);
  Result<> EraseFreeRecords(const std::vector<Location>& locations);
  Result<bool> EraseIfDead(SegmentId id);

  CorePtr core_;
};

}  // namespace forebay::chunk
