// Which resident pieces to give up when the disk fills: scan-resistant, adaptive, a pure class.
//
// A training epoch reads everything once, and then again. Recency is then the wrong teacher: what
// was read longest ago comes next. This policy keeps a *stable part* instead. What arrives is on
// probation, in order of arrival, in a fiftieth of the room; what leaves probation gets a place in
// the main part only if there is room, or if something there is worth less:
//   - *overdue*: it used to come back every g bytes of traffic and has now been away for half as
//     long again as the longest of its gaps, and of the usual gap of its neighbours;
//   - *unproven*: it never came back, and the newcomer did, in less time than it has been away (or
//     neither did: then one newcomer in 16 may, so that no old scan stays for ever);
//   - *slower*: the newcomer came back twice, four times as fast as it does.
// Otherwise the newcomer is given up. Against a data set of N bytes read epoch after epoch in any
// order no gap is longer than 2 N and nothing is ever overdue: the hit ratio is (room / N). When
// the reads move to other data, the old is overdue after 1.5 to 2 of its epochs. Measured against
// LRU, S3-FIFO and others in docs/adr/0093.
//
// Time is traffic: bytes of distinct pieces touched. No clock, no I/O, deterministic for a seed.
// Touches that follow each other at once (the next 64 KiB of the same line) count as one.
//
// What the policy hands out is no longer in it. The caller checks that the lake holds the bytes and
// that nobody pins them, drops them, or gives them back with PutBack. Memory: about 45 bytes an
// entry (eviction_table.h, eviction_ghosts.h). Thread compatible: the owner holds a mutex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tier/eviction_entry.h"
#include "tier/eviction_ghosts.h"
#include "tier/eviction_table.h"

namespace forebay::tier {

// A byte worth storing beside a run, lazily: enough to go on after a restart. 0 says nothing.
using EvictionHint = std::uint8_t;

class EvictionPolicy {
 public:
  // `capacity` sets the scale of time: the bytes that the disk may hold, roughly. It never changes;
  // the room is what Evict is told.
  EvictionPolicy(std::uint64_t capacity, std::uint64_t seed);

  // `bytes` of the piece have just become resident: it is new, or it grew by them.
  void Add(const EvictionKey& key, std::uint32_t bytes);
  // Somebody reads it. Unknown keys are ignored: the reader may be faster than the eviction. True
  // when its hint has changed.
  bool Touch(const EvictionKey& key);
  // It is no longer resident, or no longer a candidate, for a reason that is not ours (overwritten,
  // deleted). False where it was not known.
  bool Remove(const EvictionKey& key);
  // Pinned pieces are never handed out and never sampled. False where it was not known.
  bool SetPinned(const EvictionKey& key, bool pinned);

  // At start-up, in any order: a piece found resident, with the hint that was stored for it. One
  // that is known already only grows to that size.
  void Restore(const EvictionKey& key, std::uint32_t bytes, EvictionHint hint);
  // What to store for Restore: changes rarely. 0 where it is not known.
  EvictionHint HintOf(const EvictionKey& key);

  // Takes out pieces to evict until at most `target` bytes are left of those not pinned, or about
  // `max` are taken. Called when the disk is above its high watermark, with what the low one
  // leaves.
  std::vector<EvictionEntry> Evict(std::uint64_t target, std::size_t max);
  // One that could not be evicted (in use, not known to be in the lake) is a candidate again.
  void PutBack(const EvictionEntry& entry);

  std::uint64_t candidate_bytes() const;
  std::uint64_t pinned_bytes() const { return table_.bytes(EvictionList::kPinned); }
  std::size_t size() const { return table_.size(); }
  std::size_t MemoryBytes() const { return table_.MemoryBytes() + ghosts_.MemoryBytes(); }
  // For gauges: how long, in bytes of traffic, data of the main part is away before it comes back.
  std::uint64_t usual_gap_bytes() const;

 private:
  struct Rival {
    EvictionEntry entry;
    int grade = 0;         // 0: stays; else the higher, the less it is worth
    double overdue = 0.0;  // among equals
  };

  void Advance(std::uint32_t bytes);
  void NoteReturn(EvictionEntry& entry, EvictionTick away);
  void NoteUsualGap(double gap, double weight);
  double usual_gap() const;  // ticks
  std::uint64_t PatienceFor(const EvictionEntry& entry, const EvictionEntry& newcomer) const;
  Rival Judge(const EvictionEntry& incumbent, const EvictionEntry& newcomer, bool lucky) const;
  bool MakeRoomFor(const EvictionEntry& newcomer, std::uint64_t main_room, std::size_t max,
                   std::vector<EvictionEntry>& out);
  std::optional<EvictionEntry> LeastOfSample();
  void GiveUp(const EvictionEntry& entry, std::vector<EvictionEntry>& out);
  std::uint64_t Random();

  const std::uint64_t bytes_per_tick_;
  const EvictionTick same_use_;  // touches closer than this are one
  EvictionTable table_;
  EvictionGhosts ghosts_;
  EvictionTick now_ = 0;
  std::uint64_t remainder_ = 0;  // bytes that do not make a tick yet
  double gap_sum_ = 0.0;         // ticks; every entry of main has the same weight in it
  double gap_weight_ = 0.0;
  std::uint64_t random_;
};

}  // namespace forebay::tier
