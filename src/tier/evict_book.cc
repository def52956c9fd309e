#include "tier/evict_book.h"

#include <algorithm>
#include <utility>

namespace forebay::tier {
namespace {

constexpr std::size_t kMaxChangedHints = 64 << 10;

}  // namespace

EvictionBook::EvictionBook(std::uint64_t capacity, std::uint64_t seed) : policy_(capacity, seed) {}

void EvictionBook::Stored(meta::BodyId body, Span run) {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    policy_.Add(PieceOf(body, run.start), static_cast<std::uint32_t>(run.length()));
    if (BytesLocked() > wake_above_) wake = wake_;
  }
  if (wake) wake();
}

void EvictionBook::Used(meta::BodyId body, std::uint64_t run_start) {
  const EvictionKey key = PieceOf(body, run_start);
  std::lock_guard lock(mutex_);
  const bool changed = policy_.Touch(key);
  // A hint that is lost costs a little patience after a restart.
  if (changed && changed_hints_.size() < kMaxChangedHints) changed_hints_[HashOf(key)] = key;
}

void EvictionBook::CountRead(bool hit) { ++(hit ? hits_ : misses_); }
void EvictionBook::CountBytes(bool hit, std::uint64_t bytes) {
  (hit ? hit_bytes_ : miss_bytes_) += bytes;
}

void EvictionBook::NoRoom() {
  std::function<void()> wake;
  {
    std::lock_guard lock(mutex_);
    wake = wake_;
  }
  if (wake) wake();
}

void EvictionBook::Restore(const EvictionKey& key, std::uint32_t bytes, EvictionHint hint) {
  std::lock_guard lock(mutex_);
  policy_.Restore(key, bytes, hint);
}

// Unpinning puts a piece into the main part, past probation.
void EvictionBook::Keep(const EvictionKey& key) {
  std::lock_guard lock(mutex_);
  if (policy_.SetPinned(key, true)) policy_.SetPinned(key, false);
}

void EvictionBook::SetPinned(const EvictionKey& key, bool pinned) {
  std::lock_guard lock(mutex_);
  policy_.SetPinned(key, pinned);
}

void EvictionBook::Forget(const EvictionKey& key) {
  std::lock_guard lock(mutex_);
  policy_.Remove(key);
}

std::vector<EvictionEntry> EvictionBook::Choose(std::uint64_t bytes, std::size_t max) {
  std::lock_guard lock(mutex_);
  const std::uint64_t candidates = policy_.candidate_bytes();
  return policy_.Evict(candidates - std::min(candidates, bytes), max);
}

void EvictionBook::PutBack(const EvictionEntry& entry, bool pinned) {
  std::lock_guard lock(mutex_);
  policy_.PutBack(entry);
  if (pinned) policy_.SetPinned(entry.key, true);
}

std::vector<EvictionBook::Hint> EvictionBook::TakeHints(std::size_t max) {
  std::vector<Hint> hints;
  std::lock_guard lock(mutex_);
  while (hints.size() < max && !changed_hints_.empty()) {
    const EvictionKey key = changed_hints_.begin()->second;
    changed_hints_.erase(changed_hints_.begin());
    hints.push_back({key, policy_.HintOf(key)});
  }
  return hints;
}

void EvictionBook::WakeAbove(std::uint64_t bytes, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_above_ = bytes;
  wake_ = std::move(wake);
}

std::uint64_t EvictionBook::bytes() const {
  std::lock_guard lock(mutex_);
  return BytesLocked();
}

std::uint64_t EvictionBook::pinned_bytes() const {
  std::lock_guard lock(mutex_);
  return policy_.pinned_bytes();
}

void EvictionBook::Describe(CacheStatus& status) const {
  status.hits = hits_;
  status.misses = misses_;
  status.hit_bytes = hit_bytes_;
  status.miss_bytes = miss_bytes_;
  std::lock_guard lock(mutex_);
  status.resident_bytes = BytesLocked();
  status.pinned_bytes = policy_.pinned_bytes();
  status.pieces = policy_.size();
  status.memory_bytes = policy_.MemoryBytes();
}

}  // namespace forebay::tier
