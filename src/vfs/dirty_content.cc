#include "vfs/dirty_content.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace forebay::vfs {

using State = DirtyBlock::State;

std::size_t DirtyBlock::RoomBehind() const {
  if (state != State::kOpen || !memory || memory.use_count() != 1) return 0;
  return memory->memory->capacity() - memory_offset - length;
}

void DirtyContent::SetBase(ETag etag, std::uint64_t size) {
  base_ = std::move(etag);
  base_size_ = size;
  if (!cut_at_) size_ = resized_ ? std::max(size_, size) : size;
  if (!blocks_.empty()) size_ = std::max(size_, blocks_.rbegin()->second->end());
}

std::uint64_t DirtyContent::base_limit() const {
  return cut_at_ ? std::min(base_size_, *cut_at_) : base_size_;
}

DirtyContent::BlockPtr DirtyContent::Covering(std::uint64_t offset) const {
  auto at = blocks_.upper_bound(offset);
  if (at == blocks_.begin()) return nullptr;
  --at;
  return offset < at->second->end() ? at->second : nullptr;
}

DirtyContent::Step DirtyContent::Write(std::uint64_t offset, ByteView data) {
  std::size_t done = 0;
  const auto need = [&](Step step) { return done > 0 ? Step{.bytes = done} : step; };
  while (done < data.size()) {
    const std::uint64_t at = offset + done;
    const std::size_t rest = data.size() - done;
    if (BlockPtr block = Covering(at)) {
      const std::size_t n = std::min<std::uint64_t>(rest, block->end() - at);
      const bool whole = at == block->offset && n == block->length;
      if (block->state == State::kZero || (whole && !block->HasBytes())) {
        Cut(at, at + n);
        continue;
      }
      if (block->state == State::kStaging)
        return need({.kind = Step::Kind::kUpload, .block = block});
      if (!block->HasBytes()) return need({.kind = Step::Kind::kCommit, .block = block});
      // What was staged of it is not what it is any more; it is staged again.
      block->state = State::kOpen;
      block->staged = {};
      std::memcpy(const_cast<std::byte*>(block->At(at)), data.data() + done, n);
      done += n;
      continue;
    }
    auto next = blocks_.upper_bound(at);
    std::size_t n = rest;
    if (next != blocks_.end()) n = std::min<std::uint64_t>(n, next->first - at);
    BlockPtr before = next == blocks_.begin() ? nullptr : std::prev(next)->second;
    if (before && (before->end() != at || !before->HasBytes())) before = nullptr;
    if (before && before->RoomBehind() > 0) {
      n = std::min(n, before->RoomBehind());
      before->length += n;
      std::memcpy(const_cast<std::byte*>(before->At(at)), data.data() + done, n);
      done += n;
      size_ = std::max(size_, at + n);
      if (before->length >= max_block_) full_.push_back(before);
      continue;
    }
    const std::size_t had = before ? before->memory->memory->capacity() : 0;
    if (before && before->state == State::kOpen && before->memory.use_count() == 1 &&
        before->memory_offset == 0 && had < max_block_) {
      const std::size_t wanted = std::max(before->length + n, before->length * 4);
      return need({.kind = Step::Kind::kGrow,
                   .bytes = MemoryPool::SizeFor(std::min<std::size_t>(wanted, max_block_)),
                   .block = before});
    }
    // Who has filled a block goes on to fill the next.
    const std::size_t wanted = had >= max_block_ ? max_block_ : std::min(n, max_block_);
    return need({.kind = Step::Kind::kMemory, .bytes = MemoryPool::SizeFor(wanted)});
  }
  return {.bytes = done};
}

std::size_t DirtyContent::Put(std::uint64_t offset, ByteView data, WriteMemory memory) {
  if (Covering(offset)) return 0;
  auto next = blocks_.upper_bound(offset);
  std::size_t n = std::min(data.size(), memory.memory->capacity());
  if (next != blocks_.end()) n = std::min<std::uint64_t>(n, next->first - offset);
  auto block = std::make_shared<DirtyBlock>();
  block->offset = offset;
  block->length = n;
  block->memory = std::make_shared<WriteMemory>(std::move(memory));
  std::memcpy(block->memory->memory->data(), data.data(), n);
  blocks_[offset] = block;
  size_ = std::max(size_, offset + n);
  if (n >= max_block_) full_.push_back(block);
  return n;
}

void DirtyContent::Grow(const BlockPtr& block, WriteMemory memory) {
  auto at = blocks_.find(block->offset);
  if (at == blocks_.end() || at->second != block || block->state != State::kOpen ||
      block->memory.use_count() != 1 || memory.memory->capacity() < block->length) {
    return;
  }
  std::memcpy(memory.memory->data(), block->At(block->offset), block->length);
  block->memory = std::make_shared<WriteMemory>(std::move(memory));
  block->memory_offset = 0;
}

std::vector<DirtyContent::BlockPtr> DirtyContent::TakeFull() {
  std::vector<BlockPtr> out;
  for (BlockPtr& block : full_) {
    auto at = blocks_.find(block->offset);
    if (at != blocks_.end() && at->second == block && block->state == State::kOpen) {
      out.push_back(std::move(block));
    }
  }
  full_.clear();
  return out;
}

DirtyContent::Step DirtyContent::MayCut(std::uint64_t begin, std::uint64_t end) const {
  for (std::uint64_t edge : {begin, end}) {
    BlockPtr block = Covering(edge);
    if (!block || block->offset == edge || block->state == State::kZero) continue;
    if (block->state == State::kStaging) return {.kind = Step::Kind::kUpload, .block = block};
    if (!block->HasBytes()) return {.kind = Step::Kind::kCommit, .block = block};
  }
  return {};
}

DirtyContent::BlockPtr DirtyContent::Part(const DirtyBlock& block, std::uint64_t begin,
                                          std::uint64_t end) const {
  auto out = std::make_shared<DirtyBlock>();
  out->state = block.state == State::kZero ? State::kZero : State::kOpen;
  out->offset = begin;
  out->length = end - begin;
  out->memory = block.memory;
  out->memory_offset = block.memory_offset + (begin - block.offset);
  return out;
}

DirtyContent::Step DirtyContent::Cut(std::uint64_t begin, std::uint64_t end) {
  Step may = MayCut(begin, end);
  if (may.kind != Step::Kind::kDone) return may;
  auto at = blocks_.upper_bound(begin);
  if (at != blocks_.begin() && std::prev(at)->second->end() > begin) --at;
  while (at != blocks_.end() && at->first < end) {
    const BlockPtr block = std::move(at->second);
    at = blocks_.erase(at);
    if (block->offset < begin) blocks_[block->offset] = Part(*block, block->offset, begin);
    if (block->end() > end) at = blocks_.emplace(end, Part(*block, end, block->end())).first;
  }
  return {};
}

DirtyContent::Step DirtyContent::Truncate(std::uint64_t size) {
  if (size < size_) {
    Step step = Cut(size, std::numeric_limits<std::uint64_t>::max());
    if (step.kind != Step::Kind::kDone) return step;
    if (size < base_limit()) cut_at_ = size;
  }
  if (size != size_) resized_ = true;
  size_ = size;
  return {};
}

DirtyContent::Step DirtyContent::Zero(std::uint64_t offset, std::uint64_t length, bool extend) {
  std::uint64_t end = offset + length;
  if (!extend) end = std::min(end, size_);
  if (offset >= end) return {};
  Step step = Cut(offset, end);
  if (step.kind != Step::Kind::kDone) return step;
  auto block = std::make_shared<DirtyBlock>();
  block->state = State::kZero;
  block->offset = offset;
  block->length = end - offset;
  blocks_[offset] = std::move(block);
  size_ = std::max(size_, end);
  return {};
}

void DirtyContent::Extend(std::uint64_t size) {
  if (size <= size_) return;
  size_ = size;
  resized_ = true;
}

std::vector<DirtyContent::Piece> DirtyContent::Read(std::uint64_t offset,
                                                    std::uint64_t length) const {
  std::vector<Piece> out;
  const std::uint64_t end = offset >= size_ ? offset : std::min(size_, offset + length);
  std::uint64_t at = offset;
  const auto until = [&](std::uint64_t gap_end) {  // what no block covers
    const std::uint64_t base_end = std::min(gap_end, std::max(at, base_limit()));
    if (base_end > at) {
      out.push_back({Piece::Kind::kBase, at, base_end - at, nullptr});
      at = base_end;
    }
    if (gap_end > at) out.push_back({Piece::Kind::kZero, at, gap_end - at, nullptr});
    at = gap_end;
  };
  auto next = blocks_.upper_bound(offset);
  if (next != blocks_.begin() && std::prev(next)->second->end() > offset) --next;
  for (; next != blocks_.end() && next->first < end; ++next) {
    const BlockPtr& block = next->second;
    if (block->offset > at) until(block->offset);
    const std::uint64_t stop = std::min(end, block->end());
    const bool zero = block->state == State::kZero;
    out.push_back({zero ? Piece::Kind::kZero : Piece::Kind::kBlock, at, stop - at, block});
    at = stop;
  }
  if (at < end) until(end);
  return out;
}

bool DirtyContent::NeedsCommit(const std::vector<Piece>& pieces) {
  return std::ranges::any_of(pieces, [](const Piece& piece) {
    return piece.kind == Piece::Kind::kBlock && !piece.block->HasBytes();
  });
}

void DirtyContent::Committed(ETag etag, std::uint64_t size) {
  blocks_.clear();
  full_.clear();
  cut_at_.reset();
  resized_ = false;
  base_ = std::move(etag);
  base_size_ = size_ = size;
}

void DirtyContent::Discard() {
  const ETag etag = base_;
  Committed(etag, base_size_);
}

}  // namespace forebay::vfs
