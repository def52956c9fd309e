// The name of a chunk. A value type.
#pragma once

#include <compare>
#include <cstdint>

namespace forebay::chunk {

// Names a chunk for ever: the session of the writer that made it (a new one at every start of a
// process) and a number within it. Ids are never reused; session 0 is never a writer's.
struct ChunkId {
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const ChunkId&, const ChunkId&) = default;
};

}  // namespace forebay::chunk
