// Where a chunk's bytes lie, as another process is told of it. A value type.
#pragma once

#include <cstdint>
#include <string>

namespace forebay::chunk {

// For a process on the same machine that may read the files itself: the file, and the counter that
// says whether the place is still what it was (chunk/hole_board.h).
struct LocalPlace {
  std::string path;          // absolute
  std::uint64_t device = 0;  // of the file, so that nobody takes another one for it
  std::uint64_t inode = 0;
  std::string board;
  std::uint32_t slot = 0;
  std::uint64_t count = 0;  // as it was while the place was pinned
};

}  // namespace forebay::chunk
