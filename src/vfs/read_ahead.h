// How far ahead of its readers a file is fetched: learned from where they read.
//
// Pure; one file, guarded by its owner. Several readers of one file are told apart as long as they
// are apart. The kernel sends one reader's requests in any order, so a reader is followed within a
// distance of kSlack.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace forebay::vfs {

class ReadAhead {
 public:
  static constexpr std::uint64_t kSlack = 4_MiB;
  static constexpr std::uint64_t kSmall = 64_KiB;  // what a lone read fetches around itself
  static constexpr std::uint64_t kLarge = 1_MiB;   // what is fetched at a time of a stream

  // `most`: bytes ahead of one reader.
  explicit ReadAhead(std::uint64_t most) : most_(most) {}

  // Fetch [begin, end) in aligned pieces of `unit`. It has what was asked for.
  struct Plan {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t unit = kSmall;
  };
  // A read of [offset, offset + length) of a file of `size` bytes.
  Plan Next(std::uint64_t offset, std::uint64_t length, std::uint64_t size);

 private:
  struct Stream {
    std::uint64_t next = 0;    // behind the furthest read
    std::uint64_t window = 0;  // how far ahead to be
    std::uint64_t ahead = 0;   // fetched up to here
    std::uint64_t used = 0;    // when, to replace the oldest
  };
  Stream* Follow(std::uint64_t offset);

  const std::uint64_t most_;
  std::uint64_t clock_ = 0;
  std::array<Stream, 8> streams_{};
};

}  // namespace forebay::vfs
