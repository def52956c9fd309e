#include "tier/eviction_table.h"

#include <utility>

namespace forebay::tier {
namespace {

// A place is 1 + list in the upper bits and the position in its list below: never 0.
constexpr unsigned kPositionBits = 29;
constexpr std::uint32_t kPositionMask = (1U << kPositionBits) - 1;

std::uint32_t Place(EvictionList list, std::size_t position) {
  return ((static_cast<std::uint32_t>(list) + 1) << kPositionBits) |
         (static_cast<std::uint32_t>(position) & kPositionMask);
}
EvictionList ListOf(std::uint32_t place) {
  return static_cast<EvictionList>((place >> kPositionBits) - 1);
}
std::uint32_t PositionOf(std::uint32_t place) { return place & kPositionMask; }

bool IsHole(const EvictionEntry& entry) { return entry.key.body() == meta::BodyId(0); }

}  // namespace

void EvictionTable::Dense::push_back(const EvictionEntry& entry) {
  if (size_ == blocks_.size() * kBlock) {
    blocks_.push_back(std::make_unique<EvictionEntry[]>(kBlock));
  }
  at(size_++) = entry;
}

void EvictionTable::Dense::pop_back() {
  --size_;
  // One spare block, so that a size around a boundary does not allocate again and again.
  if (size_ + 2 * kBlock <= blocks_.size() * kBlock) blocks_.pop_back();
}

EvictionTable::EvictionTable() : slots_(1024) {}

EvictionEntry& EvictionTable::EntryAt(std::uint32_t place) {
  const std::uint32_t position = PositionOf(place);
  if (ListOf(place) == EvictionList::kProbation) {
    return probation_[(position - probation_base_) & kPositionMask];
  }
  return DenseOf(ListOf(place)).at(position);
}

const EvictionKey& EvictionTable::KeyAt(std::uint32_t place) const {
  return const_cast<EvictionTable*>(this)->EntryAt(place).key;
}

std::size_t EvictionTable::SlotOf(const EvictionKey& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = HashOf(key) & mask;
  while (slots_[slot] != 0 && KeyAt(slots_[slot]) != key) slot = (slot + 1) & mask;
  return slot;
}

std::optional<EvictionTable::Found> EvictionTable::Find(const EvictionKey& key) {
  const std::uint32_t place = slots_[SlotOf(key)];
  if (place == 0) return std::nullopt;
  return Found{ListOf(place), &EntryAt(place)};
}

void EvictionTable::Insert(EvictionList list, const EvictionEntry& entry) {
  if ((size() + 1) * 4 > slots_.size() * 3) Grow();
  const std::size_t slot = SlotOf(entry.key);
  if (list == EvictionList::kProbation) {
    slots_[slot] = Place(list, probation_base_ + probation_.size());
    probation_.push_back(entry);
  } else {
    Dense& dense = DenseOf(list);
    slots_[slot] = Place(list, dense.size());
    dense.push_back(entry);
  }
  ++counts_[static_cast<std::size_t>(list)];
  bytes_[static_cast<std::size_t>(list)] += entry.bytes;
}

std::optional<EvictionEntry> EvictionTable::Remove(const EvictionKey& key) {
  const std::size_t slot = SlotOf(key);
  const std::uint32_t place = slots_[slot];
  if (place == 0) return std::nullopt;
  const EvictionEntry entry = EntryAt(place);
  const EvictionList list = ListOf(place);
  // The slot first: shifting its neighbours looks at their keys, which must still be where they
  // are.
  EraseSlot(slot);
  --counts_[static_cast<std::size_t>(list)];
  bytes_[static_cast<std::size_t>(list)] -= entry.bytes;
  if (list == EvictionList::kProbation) {
    RemoveFromProbation(PositionOf(place));
  } else {
    RemoveDense(list, PositionOf(place));
  }
  return entry;
}

void EvictionTable::Resize(const EvictionKey& key, std::uint32_t bytes) {
  const std::uint32_t place = slots_[SlotOf(key)];
  if (place == 0) return;
  EvictionEntry& entry = EntryAt(place);
  std::uint64_t& total = bytes_[static_cast<std::size_t>(ListOf(place))];
  total = total - entry.bytes + bytes;
  entry.bytes = bytes;
}

const EvictionEntry* EvictionTable::Oldest() const {
  return probation_.empty() ? nullptr : &probation_.front();
}

// Linear probing without tombstones: what probed past the slot moves up.
void EvictionTable::EraseSlot(std::size_t slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t next = slot;
  for (;;) {
    next = (next + 1) & mask;
    if (slots_[next] == 0) break;
    const std::size_t home = HashOf(KeyAt(slots_[next])) & mask;
    if (((next - home) & mask) < ((next - slot) & mask)) continue;  // it would move before its home
    slots_[slot] = slots_[next];
    slot = next;
  }
  slots_[slot] = 0;
}

void EvictionTable::Grow() {
  std::vector<std::uint32_t> old(slots_.size() * 2);
  std::swap(old, slots_);
  for (const std::uint32_t place : old) {
    if (place != 0) slots_[SlotOf(KeyAt(place))] = place;
  }
}

void EvictionTable::RemoveDense(EvictionList list, std::size_t position) {
  Dense& dense = DenseOf(list);
  const std::size_t last = dense.size() - 1;
  if (position != last) {
    // The last entry fills the gap; its slot is found while it still stands where the slot says.
    slots_[SlotOf(dense.at(last).key)] = Place(list, position);
    dense.at(position) = dense.at(last);
  }
  dense.pop_back();
}

void EvictionTable::RemoveFromProbation(std::uint32_t position) {
  probation_[(position - probation_base_) & kPositionMask] = EvictionEntry{};
  while (!probation_.empty() && IsHole(probation_.front())) {
    probation_.pop_front();
    probation_base_ = (probation_base_ + 1) & kPositionMask;
  }
  const std::size_t live = count(EvictionList::kProbation);
  if (probation_.size() > 2 * live + 1024) CompactProbation();
}

// Entries that leave the middle (overwritten blobs, pins) would else pile up as holes for ever.
void EvictionTable::CompactProbation() {
  std::deque<EvictionEntry> kept;
  std::vector<std::size_t> slots;  // found before anything moves
  for (const EvictionEntry& entry : probation_) {
    if (IsHole(entry)) continue;
    slots.push_back(SlotOf(entry.key));
    kept.push_back(entry);
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots_[slots[i]] = Place(EvictionList::kProbation, probation_base_ + i);
  }
  probation_ = std::move(kept);
}

std::size_t EvictionTable::MemoryBytes() const {
  return slots_.size() * sizeof(std::uint32_t) + probation_.size() * sizeof(EvictionEntry) +
         main_.MemoryBytes() + pinned_.MemoryBytes();
}

}  // namespace forebay::tier
