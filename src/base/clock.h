// Time, injectable. WallTime is what users see (Last-Modified, SAS expiry), with 100 ns ticks as
// Azure keeps them; steady time is for deadlines and durations.
//
// Thread safe: every Clock may be read from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>

namespace forebay {

// 100-nanosecond ticks since 1970-01-01T00:00:00Z. Never negative in stored records.
struct WallTime {
  std::int64_t ticks = 0;

  static constexpr std::int64_t kTicksPerSecond = 10'000'000;
  static constexpr WallTime FromSeconds(std::int64_t s) { return {s * kTicksPerSecond}; }
  constexpr std::int64_t seconds() const { return ticks / kTicksPerSecond; }
  constexpr std::int64_t millis() const { return ticks / 10'000; }
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
  constexpr WallTime operator+(std::chrono::nanoseconds d) const {
    return {ticks + d.count() / 100};
  }
  constexpr WallTime operator-(std::chrono::nanoseconds d) const {
    return {ticks - d.count() / 100};
  }
};

using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Now() const = 0;
  virtual SteadyTime SteadyNow() const = 0;

  // The machine's clock; lives for ever.
  static Clock& System();
};

// A clock that moves only when told to. Starts at 2026-01-01T00:00:00Z.
class ManualClock final : public Clock {
 public:
  WallTime Now() const override { return {ticks_.load()}; }
  SteadyTime SteadyNow() const override {
    return SteadyTime(std::chrono::nanoseconds(ticks_.load() * 100));
  }
  void Advance(std::chrono::nanoseconds by) { ticks_ += by.count() / 100; }
  void Set(WallTime t) { ticks_ = t.ticks; }

 private:
  std::atomic<std::int64_t> ticks_{1'767'225'600LL * WallTime::kTicksPerSecond};
};

}  // namespace forebay
