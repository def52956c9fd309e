#include "tier/eviction_ghosts.h"

#include <algorithm>
#include <bit>

namespace forebay::tier {
namespace {

// From the top: 20 bits of fingerprint (never 0), 2 of returns, 8 of gap, 2 unused, 32 of the tick.
constexpr unsigned kFingerprintShift = 44;

std::uint64_t Fingerprint(std::uint64_t hash) {
  const std::uint64_t bits = hash >> kFingerprintShift;
  return bits == 0 ? 1 : bits;
}

std::uint64_t Pack(std::uint64_t fingerprint, const Ghost& ghost) {
  return fingerprint << kFingerprintShift | std::uint64_t{ghost.returns} << 42 |
         std::uint64_t{ghost.gap.stored()} << 34 | ghost.last;
}

Ghost Unpack(std::uint64_t word) {
  return {static_cast<EvictionTick>(word), Gap::FromStored(static_cast<std::uint8_t>(word >> 34)),
          static_cast<std::uint8_t>((word >> 42) & 3)};
}

}  // namespace

void EvictionGhosts::Reserve(std::size_t ghosts) {
  const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(ghosts / 8, 128));
  if (wanted > buckets_.size()) buckets_ = std::vector<Bucket>(wanted);
}

void EvictionGhosts::Put(const EvictionEntry& entry, EvictionTick now) {
  if (buckets_.empty()) return;
  const std::uint64_t hash = HashOf(entry.key);
  const std::uint64_t fingerprint = Fingerprint(hash);
  Bucket& bucket = buckets_[hash & (buckets_.size() - 1)];
  std::uint64_t* place = &bucket[0];
  for (std::uint64_t& word : bucket) {
    if (word == 0 || word >> kFingerprintShift == fingerprint) {
      place = &word;
      break;
    }
    if (now - Unpack(word).last > now - Unpack(*place).last) place = &word;
  }
  *place = Pack(fingerprint, {entry.last, entry.gap, entry.returns});
}

std::optional<Ghost> EvictionGhosts::Take(const EvictionKey& key) {
  if (buckets_.empty()) return std::nullopt;
  const std::uint64_t hash = HashOf(key);
  const std::uint64_t fingerprint = Fingerprint(hash);
  for (std::uint64_t& word : buckets_[hash & (buckets_.size() - 1)]) {
    if (word == 0 || word >> kFingerprintShift != fingerprint) continue;
    const Ghost ghost = Unpack(word);
    word = 0;
    return ghost;
  }
  return std::nullopt;
}

}  // namespace forebay::tier
