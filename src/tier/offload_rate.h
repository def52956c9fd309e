// How fast it goes: changes and bytes of the last ten seconds. Thread compatible.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "base/clock.h"

namespace forebay::tier {

class OffloadRate {
 public:
  void Add(SteadyTime now, std::uint64_t bytes) {
    Drop(now);
    const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
    if (slices_.empty() || slices_.back().second != second) slices_.push_back({second, 0, 0});
    ++slices_.back().changes;
    slices_.back().bytes += bytes;
  }
  struct PerSecond {
    double changes = 0;
    double bytes = 0;
  };
  PerSecond At(SteadyTime now) const {
    PerSecond sum;
    const auto oldest = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) - kSpan;
    auto first = now.time_since_epoch();
    for (const Slice& slice : slices_) {
      if (slice.second <= oldest) continue;
      first = std::min<SteadyTime::duration>(first, slice.second);
      sum.changes += static_cast<double>(slice.changes);
      sum.bytes += static_cast<double>(slice.bytes);
    }
    const double seconds =
        std::max(1.0, std::chrono::duration<double>(now.time_since_epoch() - first).count());
    return {sum.changes / seconds, sum.bytes / seconds};
  }

 private:
  static constexpr std::chrono::seconds kSpan{10};
  struct Slice {
    std::chrono::seconds second;
    std::uint64_t changes;
    std::uint64_t bytes;
  };
  void Drop(SteadyTime now) {
    const auto oldest = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) - kSpan;
    while (!slices_.empty() && slices_.front().second <= oldest) slices_.pop_front();
  }
  std::deque<Slice> slices_;
};

}  // namespace forebay::tier
