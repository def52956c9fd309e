// What was written to a file and is not on the server yet: blocks of bytes and of zeros over a
// version of the file, the base. Pure bookkeeping without I/O and without a lock: BufferedFile
// guards it, uploads blocks and commits.
//
// The content is, byte by byte: the block that covers it; else the base below base_limit(); else
// zero; up to size().
//
// A block grows as long as it is written on at its end, is staged (uploaded, to be named by a
// commit) when it is full, and may lose its memory then. It is changed in place until that happens.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "async/event.h"
#include "async/semaphore.h"
#include "vfs/memory_pool.h"
#include "vfs/remote.h"

namespace forebay::vfs {

// Memory with its share of the budget for writes.
struct WriteMemory {
  std::shared_ptr<Memory> memory;
  Permit permit;
};

struct DirtyBlock {
  enum class State : std::uint8_t {
    kZero,     // a hole
    kOpen,     // bytes in memory only
    kStaging,  // being uploaded; must not change
    kStaged,   // on the server, and perhaps in memory
  };
  State state = State::kOpen;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  // Several blocks share memory when one was cut in two.
  std::shared_ptr<WriteMemory> memory;
  std::size_t memory_offset = 0;
  StagedBlock staged;
  std::shared_ptr<Event> uploaded;  // while kStaging: set when it ends, either way

  std::uint64_t end() const { return offset + length; }
  bool HasBytes() const { return memory != nullptr; }
  // Where it can be looked at; null for zeros and for what is on the server only.
  const std::byte* At(std::uint64_t position) const {
    return memory->memory->data() + memory_offset + (position - offset);
  }
  // Bytes that can still be written behind its end, in place.
  std::size_t RoomBehind() const;
};

class DirtyContent {
 public:
  using BlockPtr = std::shared_ptr<DirtyBlock>;

  // `max_block`: a block of so many bytes is full; one of MemoryPool::kSizes.
  explicit DirtyContent(std::size_t max_block) : max_block_(max_block) {}

  // A new base under the same changes. Without a truncation the size follows the base's.
  void SetBase(ETag etag, std::uint64_t size);
  const ETag& base() const { return base_; }
  std::uint64_t base_size() const { return base_size_; }
  std::uint64_t base_limit() const;
  // All of the base has been cut away: what others did to it meanwhile does not count.
  bool Replaces() const { return cut_at_ && *cut_at_ == 0; }
  std::uint64_t size() const { return size_; }
  bool Dirty() const { return resized_ || !blocks_.empty(); }
  const std::map<std::uint64_t, BlockPtr>& blocks() const { return blocks_; }

  // What a change needs before it can go on.
  struct Step {
    enum class Kind : std::uint8_t {
      kDone,    // `bytes` of it have happened
      kMemory,  // memory of `bytes`, then Put
      kGrow,    // the same, then Grow(block)
      kUpload,  // `block` is being uploaded: wait for it
      kCommit,  // `block` is on the server only: commit first
    };
    Kind kind = Kind::kDone;
    std::size_t bytes = 0;
    BlockPtr block{};
  };
  // Writes as much of `data` as goes without waiting: kDone with the bytes, or what is needed
  // first.
  Step Write(std::uint64_t offset, ByteView data);
  // Blocks that the writes since the last call have filled: they can be staged.
  std::vector<BlockPtr> TakeFull();
  // A new block at `offset` for `data`, in memory that Write asked for. Bytes taken.
  std::size_t Put(std::uint64_t offset, ByteView data, WriteMemory memory);
  // The block goes to larger memory, if it is still there and unchanged in kind.
  void Grow(const BlockPtr& block, WriteMemory memory);
  Step Truncate(std::uint64_t size);
  // [offset, offset + length) becomes zeros; what of it lies behind the end counts only with
  // `extend`.
  Step Zero(std::uint64_t offset, std::uint64_t length, bool extend);
  void Extend(std::uint64_t size);

  // The content of [offset, offset + length), cut at the end of the file.
  struct Piece {
    enum class Kind : std::uint8_t { kBlock, kBase, kZero };
    Kind kind = Kind::kZero;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    BlockPtr block{};
  };
  std::vector<Piece> Read(std::uint64_t offset, std::uint64_t length) const;
  // True where a piece is a block whose bytes are on the server only.
  static bool NeedsCommit(const std::vector<Piece>& pieces);

  // Everything was committed: the changes are the new base.
  void Committed(ETag etag, std::uint64_t size);
  void Discard();

 private:
  // Takes [begin, end) out of the blocks: what sticks out on either side stays, as open blocks.
  Step Cut(std::uint64_t begin, std::uint64_t end);
  // Whether Cut may; kDone when it may.
  Step MayCut(std::uint64_t begin, std::uint64_t end) const;
  BlockPtr Part(const DirtyBlock& block, std::uint64_t begin, std::uint64_t end) const;
  BlockPtr Covering(std::uint64_t offset) const;

  const std::size_t max_block_;
  ETag base_;
  std::uint64_t base_size_ = 0;
  std::optional<std::uint64_t> cut_at_;  // the base is gone from here on
  std::uint64_t size_ = 0;
  bool resized_ = false;  // the size was set, beyond what blocks say
  std::map<std::uint64_t, BlockPtr> blocks_;
  std::vector<BlockPtr> full_;
};

}  // namespace forebay::vfs
