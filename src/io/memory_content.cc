#include "io/memory_content.h"

#include <algorithm>
#include <cstring>

namespace forebay::io::internal {

void SparseBytes::Write(ByteView data, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < data.size()) {
    std::uint64_t at = offset + done;
    std::uint64_t in_page = at % kPageBytes;
    std::size_t n =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPageBytes - in_page, data.size() - done));
    auto& page = pages_[at / kPageBytes];
    if (!page) page = std::make_unique<Page>();
    std::memcpy(page->data() + in_page, data.data() + done, n);
    done += n;
  }
  if (!data.empty()) size_ = std::max(size_, offset + data.size());
}

void SparseBytes::Zero(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  for (auto it = pages_.lower_bound(begin / kPageBytes);
       it != pages_.end() && it->first * kPageBytes < end;) {
    std::uint64_t page_begin = it->first * kPageBytes;
    std::uint64_t from = std::max(begin, page_begin) - page_begin;
    std::uint64_t to = std::min(end, page_begin + kPageBytes) - page_begin;
    if (from == 0 && to == kPageBytes) {
      it = pages_.erase(it);
    } else {
      std::memset(it->second->data() + from, 0, to - from);
      ++it;
    }
  }
}

void SparseBytes::Punch(std::uint64_t offset, std::uint64_t length) {
  Zero(offset, offset + length);
}

void SparseBytes::Truncate(std::uint64_t size) {
  if (size < size_) {
    std::uint64_t whole = (size + kPageBytes - 1) / kPageBytes;
    pages_.erase(pages_.lower_bound(whole), pages_.end());
    Zero(size, whole * kPageBytes);
  }
  size_ = size;
}

std::size_t SparseBytes::Read(MutableByteView data, std::uint64_t offset) const {
  if (offset >= size_) return 0;
  auto want = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), size_ - offset));
  std::memset(data.data(), 0, want);
  for (auto it = pages_.lower_bound(offset / kPageBytes);
       it != pages_.end() && it->first * kPageBytes < offset + want; ++it) {
    std::uint64_t page_begin = it->first * kPageBytes;
    std::uint64_t from = std::max(offset, page_begin);
    std::uint64_t to = std::min(offset + want, page_begin + kPageBytes);
    std::memcpy(data.data() + (from - offset), it->second->data() + (from - page_begin), to - from);
  }
  return want;
}

std::uint64_t SparseBytes::NewlyAllocated(std::uint64_t offset, std::uint64_t length) const {
  if (length == 0) return 0;
  std::uint64_t first = offset / kPageBytes;
  std::uint64_t last = (offset + length - 1) / kPageBytes;
  auto have = static_cast<std::uint64_t>(
      std::distance(pages_.lower_bound(first), pages_.upper_bound(last)));
  return (last - first + 1 - have) * kPageBytes;
}

void MemoryContent::Write(ByteView data, std::uint64_t offset) {
  seen_.Write(data, offset);
  changes_.push_back({Change::Kind::kWrite, offset, data.size(), {data.begin(), data.end()}});
}

void MemoryContent::Punch(std::uint64_t offset, std::uint64_t length) {
  seen_.Punch(offset, length);
  changes_.push_back({Change::Kind::kPunch, offset, length, {}});
}

void MemoryContent::Truncate(std::uint64_t size) {
  seen_.Truncate(size);
  changes_.push_back({Change::Kind::kTruncate, size, 0, {}});
}

void MemoryContent::Apply(SparseBytes& bytes, const Change& change) {
  switch (change.kind) {
    case Change::Kind::kWrite:
      return bytes.Write(change.data, change.offset);
    case Change::Kind::kPunch:
      return bytes.Punch(change.offset, change.length);
    case Change::Kind::kTruncate:
      return bytes.Truncate(change.offset);
  }
}

void MemoryContent::ApplyTorn(SparseBytes& bytes, const Change& change, std::mt19937_64& random) {
  std::size_t done = 0;
  while (done < change.data.size()) {
    std::uint64_t at = change.offset + done;
    auto n = static_cast<std::size_t>(
        std::min<std::uint64_t>(kSectorBytes - at % kSectorBytes, change.data.size() - done));
    if (random() % 2 == 0) bytes.Write(ByteView(change.data).subspan(done, n), at);
    done += n;
  }
}

void MemoryContent::Sync() {
  for (const Change& change : changes_) Apply(stored_, change);
  changes_.clear();
}

void MemoryContent::PowerCut(std::mt19937_64* random) {
  if (random != nullptr) {
    for (const Change& change : changes_) {
      std::uint64_t fate = (*random)() % 3;
      if (fate == 0) Apply(stored_, change);
      if (fate == 1 && change.kind == Change::Kind::kWrite) ApplyTorn(stored_, change, *random);
    }
  }
  changes_.clear();
  seen_ = SparseBytes();
  std::vector<std::byte> page(kPageBytes);
  for (std::uint64_t at = 0; at < stored_.size(); at += kPageBytes) {
    if (stored_.NewlyAllocated(at, kPageBytes) != 0) continue;  // a hole stays one
    std::size_t n = stored_.Read(page, at);
    seen_.Write(ByteView(page).first(n), at);
  }
  seen_.Truncate(stored_.size());
}

void MemoryContent::FlipByte(std::uint64_t offset) {
  for (SparseBytes* bytes : {&seen_, &stored_}) {
    std::byte value{};
    if (bytes->Read({&value, 1}, offset) == 0) continue;
    value ^= std::byte{0x40};
    bytes->Write({&value, 1}, offset);
  }
}

}  // namespace forebay::io::internal
