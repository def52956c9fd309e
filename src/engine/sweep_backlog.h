// What waits for the sweeper, counted: for metrics. Not what it is about to do, which is a matter
// of time and of readers.
#pragma once

#include <cstdint>

#include "kv/store.h"

namespace forebay::engine {

struct SweepBacklog {
  std::uint64_t bodies = 0;             // bodies, staged blocks and lists to give back
  std::uint64_t containers = 0;         // deleted, still holding blobs
  std::uint64_t uncommitted_blobs = 0;  // names with blocks that nobody committed (yet)
};

// Blocks; costs what it counts, and counts each kind up to `limit`.
Result<SweepBacklog> CountSweepBacklog(const kv::Store& store, std::uint64_t limit = 1'000'000);

}  // namespace forebay::engine
