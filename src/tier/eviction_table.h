// The entries of the eviction policy: three lists and one index over them.
//
// Probation is in order of arrival; main and pinned are dense arrays, so that a random element
// costs nothing. Memory: 24 bytes an entry and 5 to 11 bytes of index. At most 2^29 entries. Thread
// compatible; no I/O, no failure. Pointers hold until the next call that is not const.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "tier/eviction_entry.h"

namespace forebay::tier {

enum class EvictionList : std::uint8_t { kProbation, kMain, kPinned };

class EvictionTable {
 public:
  struct Found {
    EvictionList list;
    EvictionEntry* entry;
  };

  EvictionTable();

  std::optional<Found> Find(const EvictionKey& key);
  // `entry.key` must not be in the table.
  void Insert(EvictionList list, const EvictionEntry& entry);
  std::optional<EvictionEntry> Remove(const EvictionKey& key);
  // Changes the size of an entry that is in the table.
  void Resize(const EvictionKey& key, std::uint32_t bytes);

  // The entry that has been in probation longest; nullptr when it is empty.
  const EvictionEntry* Oldest() const;
  std::size_t count(EvictionList list) const { return counts_[static_cast<std::size_t>(list)]; }
  std::uint64_t bytes(EvictionList list) const { return bytes_[static_cast<std::size_t>(list)]; }
  // `i` below count(kMain); the order means nothing and changes with every removal.
  const EvictionEntry& Main(std::size_t i) const { return main_.at(i); }
  std::size_t size() const { return counts_[0] + counts_[1] + counts_[2]; }
  std::size_t MemoryBytes() const;

 private:
  // An array that grows by blocks: no copy of gigabytes when it doubles.
  class Dense {
   public:
    EvictionEntry& at(std::size_t i) { return blocks_[i / kBlock][i % kBlock]; }
    const EvictionEntry& at(std::size_t i) const { return blocks_[i / kBlock][i % kBlock]; }
    void push_back(const EvictionEntry& entry);
    void pop_back();
    std::size_t size() const { return size_; }
    std::size_t MemoryBytes() const { return blocks_.size() * kBlock * sizeof(EvictionEntry); }

   private:
    static constexpr std::size_t kBlock = 4096;
    std::vector<std::unique_ptr<EvictionEntry[]>> blocks_;
    std::size_t size_ = 0;
  };

  EvictionEntry& EntryAt(std::uint32_t place);
  std::size_t SlotOf(const EvictionKey& key) const;  // where it is, or the free slot where it goes
  const EvictionKey& KeyAt(std::uint32_t place) const;
  void EraseSlot(std::size_t slot);
  void Grow();
  Dense& DenseOf(EvictionList list) { return list == EvictionList::kMain ? main_ : pinned_; }
  void RemoveDense(EvictionList list, std::size_t position);
  void RemoveFromProbation(std::uint32_t position);
  void CompactProbation();

  std::vector<std::uint32_t> slots_;     // 0 free, else list and position (see Place in the .cc)
  std::deque<EvictionEntry> probation_;  // a hole has body 0
  std::uint32_t probation_base_ = 0;     // position of the front, modulo 2^29
  Dense main_;
  Dense pinned_;
  std::size_t counts_[3] = {};
  std::uint64_t bytes_[3] = {};
};

}  // namespace forebay::tier
