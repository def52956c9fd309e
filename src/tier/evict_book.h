// What is here of bodies that the lake holds, and how it is used: the eviction policy with what
// feeds it. Readers and fetches write into it, the evictor asks it.
//
// A piece is what begins in one line of 4 MiB of a body. Thread safe: one mutex, held for a look-up
// in memory, never over I/O. Memory: the policy's 45 bytes a piece, and at most 64 Ki pieces whose
// hint has changed since it was stored.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "tier/evict_options.h"
#include "tier/eviction_policy.h"
#include "tier/runs.h"

namespace forebay::tier {

inline constexpr std::uint64_t kEvictionPieceBytes = 4 << 20;

// The piece that a run which starts there belongs to, and where a piece's runs may start.
inline EvictionKey PieceOf(meta::BodyId body, std::uint64_t run_start) {
  return {body, static_cast<std::uint32_t>(run_start / kEvictionPieceBytes)};
}
inline Span StartsOf(const EvictionKey& key) {
  return {std::uint64_t{key.part()} * kEvictionPieceBytes,
          (std::uint64_t{key.part()} + 1) * kEvictionPieceBytes};
}

class EvictionBook {
 public:
  // `capacity`: see EvictionPolicy.
  EvictionBook(std::uint64_t capacity, std::uint64_t seed);

  // --- From fetches and readers.
  // A run is in the store.
  void Stored(meta::BodyId body, Span run);
  // Somebody reads of the run that starts there.
  void Used(meta::BodyId body, std::uint64_t run_start);
  // A read has ended, or the lake had to be asked for it; bytes that went to a reader.
  void CountRead(bool hit);
  void CountBytes(bool hit, std::uint64_t bytes);
  // There was no room on the disk for what was fetched.
  void NoRoom();

  // --- From whoever places.
  // Found in the store; nothing happens to what is known already, but that it grows to this size.
  void Restore(const EvictionKey& key, std::uint32_t bytes, EvictionHint hint);
  // Keeps a piece in place of what is worth least: somebody asked for it by name.
  void Keep(const EvictionKey& key);
  void SetPinned(const EvictionKey& key, bool pinned);
  void Forget(const EvictionKey& key);

  // --- From the evictor.
  // Takes out pieces of about `bytes` in all, at most `max`.
  std::vector<EvictionEntry> Choose(std::uint64_t bytes, std::size_t max);
  void PutBack(const EvictionEntry& entry, bool pinned);
  struct Hint {
    EvictionKey key;
    EvictionHint hint = 0;
  };
  // Hints that have changed since they were taken last.
  std::vector<Hint> TakeHints(std::size_t max);

  // Called from any thread, without a lock, when more than this is resident, and by NoRoom.
  void WakeAbove(std::uint64_t bytes, std::function<void()> wake);

  // Whether what is fetched now pushes out something else: there is more than the low watermark
  // leaves. The evictor says it; readers fetch no more than they need then.
  void SetCrowded(bool crowded) { crowded_ = crowded; }
  bool crowded() const { return crowded_; }

  // All that is resident, pinned or not.
  std::uint64_t bytes() const;
  std::uint64_t pinned_bytes() const;
  // Resident bytes, pieces, memory, hits and misses.
  void Describe(CacheStatus& status) const;

 private:
  std::uint64_t BytesLocked() const { return policy_.candidate_bytes() + policy_.pinned_bytes(); }

  mutable std::mutex mutex_;
  EvictionPolicy policy_;
  std::unordered_map<std::uint64_t, EvictionKey> changed_hints_;  // by hash
  std::uint64_t wake_above_ = ~std::uint64_t{0};
  std::function<void()> wake_;
  std::atomic<bool> crowded_{false};
  std::atomic<std::uint64_t> hits_{0}, misses_{0}, hit_bytes_{0}, miss_bytes_{0};
};

}  // namespace forebay::tier
