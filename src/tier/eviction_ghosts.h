// When pieces that are no longer resident were last touched: eight bytes each, approximate.
//
// A table of buckets of eight; a full bucket forgets its oldest. A fingerprint of 20 bits beside
// the bucket's number means that one look-up in some 130,000 finds somebody else's past, which
// costs at most one wrong admission. Thread compatible; no failure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tier/eviction_entry.h"

namespace forebay::tier {

struct Ghost {
  EvictionTick last = 0;
  Gap gap;
  std::uint8_t returns = 0;
};

class EvictionGhosts {
 public:
  // Makes room for about as many ghosts as this. Growing forgets: what ghosts tell is soon told
  // again.
  void Reserve(std::size_t ghosts);
  void Put(const EvictionEntry& entry, EvictionTick now);
  // Takes it out: whoever asks is resident from now on.
  std::optional<Ghost> Take(const EvictionKey& key);
  std::size_t MemoryBytes() const { return buckets_.size() * sizeof(Bucket); }

 private:
  using Bucket = std::array<std::uint64_t, 8>;  // 0 free; see Pack in the .cc
  std::vector<Bucket> buckets_;                 // a power of two of them, or none
};

}  // namespace forebay::tier
