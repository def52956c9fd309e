// Where the bytes of a file lie on this machine's disks, for a mount that runs on it and reads the
// segment files itself (docs/posix-extensions.md, `layout`).
//
// What is told was verified in this process's life and was in place while it was looked up; the
// counter that comes with it says whether it still is (chunk/hole_board.h).
// Errors: those of engine/node.h, kIsADirectory, kInvalidRange, kCorruption, kIo, kServerBusy.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "async/context.h"
#include "azure/posix.h"
#include "chunk/local_place.h"
#include "engine/node.h"
#include "engine/services.h"

namespace forebay::engine {

inline constexpr std::uint64_t kMaxLayoutBytes = 16ULL << 20;  // of one answer

struct LayoutPiece {
  enum class Kind : std::uint8_t {
    kFile,   // `place`, from `offset` of the file on
    kZero,   // a hole
    kOther,  // not in memory, in a lake, or with the records: ask for the bytes
  };
  Kind kind = Kind::kOther;
  std::uint64_t length = 0;
  std::uint64_t offset = 0;
  chunk::LocalPlace place;
};
struct LayoutRequest {
  NodeTarget target;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // cut at the end of the file, and at kMaxLayoutBytes
};
struct NodeLayout {
  azure::PosixAttributes attributes;
  std::uint64_t offset = 0;
  std::vector<LayoutPiece> pieces;  // one after the other
};
Task<NodeLayout> LayoutNode(Services& services, OpContext context, LayoutRequest request);

}  // namespace forebay::engine
