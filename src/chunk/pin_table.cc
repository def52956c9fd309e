#include "chunk/pin_table.h"

#include "base/log.h"

namespace forebay::chunk {

bool PinTable::Acquire(Segment& segment, std::uint64_t offset) {
  Location location{segment.id(), offset};
  Shard& shard = ShardOf(location);
  std::lock_guard lock(shard.mutex);
  if (segment.condemned().Test(offset / kAlignment)) return false;
  ++shard.pins[location];
  return true;
}

void PinTable::Release(const Segment& segment, std::uint64_t offset) {
  Location location{segment.id(), offset};
  Shard& shard = ShardOf(location);
  std::lock_guard lock(shard.mutex);
  auto it = shard.pins.find(location);
  if (it == shard.pins.end()) Panic("a chunk was unpinned more often than pinned");
  if (--it->second == 0) shard.pins.erase(it);
}

bool PinTable::Condemn(Segment& segment, std::uint64_t offset) {
  Location location{segment.id(), offset};
  Shard& shard = ShardOf(location);
  std::lock_guard lock(shard.mutex);
  segment.condemned().Set(offset / kAlignment);
  return !shard.pins.contains(location);
}

}  // namespace forebay::chunk
