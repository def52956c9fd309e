// The contents of a file of MemoryFileSystem: sparse pages, and the changes not yet synced.
// Internal to io/; not thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "base/bytes.h"

namespace forebay::io::internal {

inline constexpr std::uint64_t kPageBytes = 4096;
inline constexpr std::uint64_t kSectorBytes = 512;

// Bytes of a file; pages never written, or punched, read as zeros and occupy nothing.
class SparseBytes {
 public:
  void Write(ByteView data, std::uint64_t offset);
  void Punch(std::uint64_t offset, std::uint64_t length);
  void Truncate(std::uint64_t size);
  std::size_t Read(MutableByteView data, std::uint64_t offset) const;
  std::uint64_t size() const { return size_; }
  std::uint64_t allocated() const { return pages_.size() * kPageBytes; }
  // Bytes that a write would newly occupy.
  std::uint64_t NewlyAllocated(std::uint64_t offset, std::uint64_t length) const;

 private:
  using Page = std::array<std::byte, kPageBytes>;
  void Zero(std::uint64_t begin, std::uint64_t end);
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::uint64_t size_ = 0;
};

// What is seen, what is stored, and the changes between the two in order.
class MemoryContent {
 public:
  void Write(ByteView data, std::uint64_t offset);
  void Punch(std::uint64_t offset, std::uint64_t length);
  void Truncate(std::uint64_t size);
  void Sync();
  // Forgets what was not synced; with `random`, a random part of it survives instead.
  void PowerCut(std::mt19937_64* random);
  void FlipByte(std::uint64_t offset);
  const SparseBytes& seen() const { return seen_; }

 private:
  struct Change {
    enum class Kind : std::uint8_t { kWrite, kPunch, kTruncate } kind;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<std::byte> data;
  };
  static void Apply(SparseBytes& bytes, const Change& change);
  static void ApplyTorn(SparseBytes& bytes, const Change& change, std::mt19937_64& random);

  SparseBytes seen_;
  SparseBytes stored_;
  std::vector<Change> changes_;
};

}  // namespace forebay::io::internal
