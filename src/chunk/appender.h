// Appends chunks to the active segments of the volumes. Internal to chunk/.
//
// Thread safe; blocks. Each volume has a few active segments, so that writers do not queue behind
// one another in the kernel; a quiet one is preferred, so that a lone writer needs a single sync. A
// volume that is full or fails is passed over for another.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "chunk/core.h"
#include "chunk/staged_chunk.h"

namespace forebay::chunk {

class Appender {
 public:
  explicit Appender(CorePtr core) : core_(std::move(core)) {}

  // kNoSpace when no volume has room, kVolumeFailed when none is in service.
  Result<SegmentStagedChunkPtr> Append(ChunkId id, ByteView data);
  // The volume's active segments take no more chunks.
  void Retire(VolumeNumber volume);

 private:
  struct Slot {
    std::mutex mutex;  // held while a segment is created, never while one is written
    SegmentPtr segment;
    SegmentFilePtr file;
  };
  struct Slots {
    explicit Slots(std::size_t n) : slots(n) {}
    std::vector<Slot> slots;
  };
  struct Place {
    SegmentPtr segment;
    SegmentFilePtr file;
    std::uint64_t offset = 0;
  };

  Result<VolumePtr> Choose(const std::set<VolumeNumber>& tried, std::uint64_t bytes);
  Result<SegmentStagedChunkPtr> AppendTo(const VolumePtr& volume, ChunkId id, ByteView data);
  Result<Place> Reserve(const VolumePtr& volume, std::uint64_t bytes);
  Result<> Renew(const VolumePtr& volume, Slot& slot, std::uint64_t bytes);
  Result<SegmentId> AllocateSegment(VolumeNumber volume);
  Result<SegmentFilePtr> CreateFile(const VolumePtr& volume, SegmentId id, std::uint64_t span);
  std::shared_ptr<Slots> SlotsOf(VolumeNumber volume);

  CorePtr core_;
  std::atomic<std::uint64_t> turn_{0};
  std::mutex mutex_;
  std::map<VolumeNumber, std::shared_ptr<Slots>> slots_;
};

}  // namespace forebay::chunk
