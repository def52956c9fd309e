// How much is kept of what the lake has too: limits, and how things stand. Value types.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tier/back_pressure.h"
#include "tier/schedule.h"

namespace forebay::tier {

// The disks that bytes are kept on, all together.
struct DiskUse {
  std::uint64_t capacity = 0;
  // Without what is about to be given back (deleted, the hole not punched yet).
  std::uint64_t used = 0;
};

struct EvictOptions {
  // Above the high watermark resident bytes are given up until the low one is reached: percent of
  // the disks, and of cache_bytes where that is set.
  unsigned high_percent = 90;
  unsigned low_percent = 85;
  // At most so many bytes of blobs that the lake has too; 0: only the disks limit them.
  std::uint64_t cache_bytes = 0;
  // Looks at the disks; may block. Null: only cache_bytes counts.
  std::function<Result<DiskUse>()> disk;
  std::chrono::milliseconds interval{2000};  // between looks at the disks
  // A blob that changed so recently stays a local one (appends and block lists find their bytes)
  // unless nothing else can be given up.
  std::chrono::seconds settle{600};
  std::uint64_t seed = 0;  // of the policy's random choices; 0: drawn
};

struct PrefetchOptions {
  std::size_t fetches = 16;  // under way at a time, of all jobs together
  std::size_t blobs = 64;    // begun at a time, of a job
  Schedule rate;             // bytes a second by time of day, of all jobs together
};

struct PlacementOptions {
  EvictOptions evict{};
  BackPressureOptions pressure{};
  PrefetchOptions prefetch{};
  std::uint64_t overflow_least_bytes = 4096;  // OverflowOptions::least_bytes
};

enum class Watermark : std::uint8_t {
  kBelow,     // nothing to do
  kEvicting,  // was above the high watermark, the low one is not reached yet
  kStuck,     // above the high watermark, and nothing may be given up: unsent or pinned
};
std::string_view WatermarkName(Watermark watermark);  // "below"

// How a node's cache stands. Counters are since the start of the process.
struct CacheStatus {
  Watermark watermark = Watermark::kBelow;
  std::uint64_t resident_bytes = 0;  // of blobs that the lake holds; pinned ones too
  std::uint64_t pinned_bytes = 0;    // of them, as far as known: pins are found when in the way
  std::uint64_t cache_bytes = 0;     // the configured limit; 0: none
  std::uint64_t disk_capacity = 0;   // 0: not looked at
  std::uint64_t disk_used = 0;
  std::uint64_t hits = 0, misses = 0;  // reads of lake-held blobs: all of it was here, or not
  std::uint64_t hit_bytes = 0, miss_bytes = 0;
  std::uint64_t evicted_pieces = 0, evicted_bytes = 0;
  std::uint64_t adopted_blobs = 0;   // local ones that the lake was found to hold
  std::uint64_t refused_pieces = 0;  // chosen, but pinned, or not known to be in the lake
  std::uint64_t failures = 0;        // of eviction; see the log
  std::uint64_t pieces = 0;          // that the policy knows
  std::uint64_t memory_bytes = 0;    // of the policy: about 45 bytes a piece
  bool restored = false;             // all that was resident at the start is known
  std::uint64_t unsent_bytes = 0;    // wait for their lakes; not to be given up
  bool writes_held = false;          // they fill the disks (tier/back_pressure.h)
  std::uint64_t writes_refused = 0;  // for that, or for a container's limit
};

}  // namespace forebay::tier
