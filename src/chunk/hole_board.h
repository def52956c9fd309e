// Says to other processes, which read this volume's segment files themselves (a mount on the same
// machine), that bytes are about to become a hole: a file of counters that all of them map.
//
// Whoever reads a place that he was told of together with its counter, and finds the counter
// unchanged behind the read, has read what was there: the counter moves before the hole is punched,
// and offsets are never given out twice. The file stays over restarts, so that a new process goes
// on where the last one was.
//
// Thread safe, lock free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "chunk/records.h"
#include "io/file_system.h"

namespace forebay::chunk {

class HoleBoard {
 public:
  static constexpr std::size_t kSlots = 1024;  // segments share them

  // Opens the file or makes it. Null where files have no descriptors or cannot be mapped: then
  // nobody reads past this process.
  static std::unique_ptr<HoleBoard> Open(io::FileSystem& fs, std::string path);
  ~HoleBoard();
  HoleBoard(const HoleBoard&) = delete;
  HoleBoard& operator=(const HoleBoard&) = delete;

  static std::uint32_t SlotOf(SegmentId segment) {
    return static_cast<std::uint32_t>(segment.value() % kSlots);
  }
  // Before bytes of the segment are given back.
  void Announce(SegmentId segment);
  std::uint64_t Count(SegmentId segment) const;
  const std::string& path() const { return path_; }

 private:
  HoleBoard(std::string path, std::unique_ptr<io::File> file, std::uint64_t* counters);

  const std::string path_;
  const std::unique_ptr<io::File> file_;
  std::uint64_t* const counters_;
};

}  // namespace forebay::chunk
