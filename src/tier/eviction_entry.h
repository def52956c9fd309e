// What the eviction policy remembers of one piece of resident data, and its short scale of gaps.
//
// Value types and pure functions, thread safe. Tens of millions of entries exist on a large node,
// so every byte here counts: an entry is 24 bytes.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstdint>

#include "meta/ids.h"

namespace forebay::tier {

// A piece of a body: what is fetched, kept and given up as one. Callers number the parts; the tier
// cuts at lines of 4 MiB, so that a file of 500 GiB can be resident in part.
class EvictionKey {
 public:
  constexpr EvictionKey() = default;  // of no piece: body 0
  constexpr EvictionKey(meta::BodyId body, std::uint32_t part)
      : body_high_(static_cast<std::uint32_t>(body.value() >> 32)),
        body_low_(static_cast<std::uint32_t>(body.value())),
        part_(part) {}
  constexpr meta::BodyId body() const {
    return meta::BodyId(std::uint64_t{body_high_} << 32 | body_low_);
  }
  constexpr std::uint32_t part() const { return part_; }
  friend constexpr auto operator<=>(const EvictionKey&, const EvictionKey&) = default;

 private:
  // Halves: aligned to eight bytes an entry would be a third larger.
  std::uint32_t body_high_ = 0;
  std::uint32_t body_low_ = 0;
  std::uint32_t part_ = 0;
};

constexpr std::uint64_t HashOf(const EvictionKey& key) {
  std::uint64_t h = key.body().value() * 0x9E3779B97F4A7C15ULL + key.part();
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ULL;  // the finalizer of splitmix64
  h = (h ^ (h >> 27)) * 0x94D049BB133111EBULL;
  return h ^ (h >> 31);
}

// The policy's time: bytes touched, in units of 1/65,536 of the capacity. It wraps after 65,536
// times the capacity; differences are what counts.
using EvictionTick = std::uint32_t;

// A length of that time on a logarithmic scale, eight steps an octave (9 % each). 0: not known.
class Gap {
 public:
  constexpr Gap() = default;
  static constexpr Gap FromStored(std::uint8_t steps) { return Gap(steps); }
  static constexpr Gap FromTicks(EvictionTick ticks) {
    if (ticks == 0) return Gap(1);
    const int octave = static_cast<int>(std::bit_width(ticks)) - 1;
    const int step = static_cast<int>((std::uint64_t{ticks} << 3) >> octave) - 8;  // 0 to 7
    return Gap(static_cast<std::uint8_t>(std::min(octave * 8 + step + 1, 255)));
  }
  constexpr bool known() const { return steps_ != 0; }
  constexpr std::uint8_t stored() const { return steps_; }
  constexpr std::uint64_t ticks() const {
    if (steps_ == 0) return 0;
    const unsigned octave = (steps_ - 1U) / 8U;
    return (std::uint64_t{8U + (steps_ - 1U) % 8U} << octave) >> 3;
  }
  // The longest of the last few gaps: the newest one, or what was known less three steps (23 %).
  constexpr Gap Follow(Gap newest) const {
    const std::uint8_t faded = steps_ > 3 ? static_cast<std::uint8_t>(steps_ - 3) : std::uint8_t{1};
    return Gap(steps_ == 0 || newest.steps_ > faded ? newest.steps_ : faded);
  }
  friend constexpr auto operator<=>(Gap, Gap) = default;

 private:
  constexpr explicit Gap(std::uint8_t steps) : steps_(steps) {}
  std::uint8_t steps_ = 0;
};

struct EvictionEntry {
  EvictionKey key;
  std::uint32_t bytes = 0;
  EvictionTick last = 0;     // when it was last touched
  Gap gap;                   // how long it takes to come back; unknown: never came back
  std::uint8_t returns = 0;  // how often it came back, up to 2
};

}  // namespace forebay::tier
