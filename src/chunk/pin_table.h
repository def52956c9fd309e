// Who reads which bytes, so that nothing is punched from under a reader.
//
// A location is condemned, for good, before its hole is punched: from then on it cannot be pinned,
// and the puncher waits until the pins of before are gone. Both happen under the lock of the
// location's shard, so whoever holds a pin reads bytes that are still there, however old the
// snapshot is in which the record was found. (What an earlier process freed needs no mark: no
// snapshot of this one names it.) Thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "chunk/records.h"
#include "chunk/segment.h"

namespace forebay::chunk {

class PinTable {
 public:
  // False when the location is condemned.
  bool Acquire(Segment& segment, std::uint64_t offset);
  void Release(const Segment& segment, std::uint64_t offset);
  // Condemns the location; true when no pin is left on it.
  bool Condemn(Segment& segment, std::uint64_t offset);

 private:
  struct Hash {
    std::size_t operator()(const Location& location) const {
      return std::hash<std::uint64_t>{}(location.segment.value() * 0x9E3779B97F4A7C15ULL ^
                                        location.offset / kAlignment);
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<Location, std::uint32_t, Hash> pins;
  };
  static constexpr std::size_t kShards = 64;
  Shard& ShardOf(const Location& location) { return shards_[Hash{}(location) % kShards]; }
  std::array<Shard, kShards> shards_;
};

}  // namespace forebay::chunk
