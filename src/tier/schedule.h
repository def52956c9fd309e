// Limits by time of day: "Mon-Fri 08:00-18:00=200MiB/s, *=unlimited".
//
// A schedule is a list of rules; the first that fits a moment decides, and where none does there is
// no limit.
//   schedule = rule ("," rule)*
//   rule     = when "=" rate
//   when     = "*" | [days] [hours]
//   days     = day ["-" day] ("+" day ["-" day])*      Mon … Sun, without case; a range may wrap
//   (Sat-Mon) hours    = hh:mm "-" hh:mm                         up to 24:00; a range may run past
//   midnight and
//                                                      then belongs to the day on which it begins
//   rate     = "unlimited" | "paused" | size "/s"      sizes as base/units.h reads them
// A rate alone ("200MiB/s") is a schedule of one rule.
//
// Time is local: the caller says how far the zone is from UTC at that moment, since a zone is not
// ours to know here. A schedule is immutable after Parse and thread safe; the bucket is thread
// compatible.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::tier {

// Bytes a second; kPaused stands still.
class Rate {
 public:
  static constexpr Rate Unlimited() { return Rate(kNoLimit); }
  static constexpr Rate Paused() { return Rate(0); }
  static constexpr Rate BytesPerSecond(std::uint64_t bytes) { return Rate(bytes); }
  constexpr bool unlimited() const { return bytes_ == kNoLimit; }
  constexpr bool paused() const { return bytes_ == 0; }
  constexpr std::uint64_t bytes_per_second() const { return bytes_; }  // meaningless if unlimited
  friend constexpr bool operator==(Rate, Rate) = default;

 private:
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  constexpr explicit Rate(std::uint64_t bytes) : bytes_(bytes) {}
  std::uint64_t bytes_;
};

std::string FormatRate(Rate rate);  // "200MiB/s", "unlimited", "paused"

inline constexpr std::size_t kMaxScheduleRules = 64;

class Schedule {
 public:
  // No limit, ever.
  Schedule() = default;
  // kInvalidInput, naming the rule and what is expected. An empty text is no limit.
  static Result<Schedule> Parse(std::string_view text);

  Rate At(WallTime now, std::chrono::minutes utc_offset = {}) const;
  // The next moment at which At changes; nullopt where it never does.
  std::optional<WallTime> NextChange(WallTime now, std::chrono::minutes utc_offset = {}) const;
  // Canonical; reads back as the same schedule.
  std::string ToString() const;
  friend bool operator==(const Schedule&, const Schedule&) = default;

 private:
  struct Rule {
    std::uint8_t days = 0x7F;  // bit 0: Monday
    int from = 0;              // minutes of the day
    int to = 24 * 60;          // at most `from` where it runs past midnight
    Rate rate = Rate::Unlimited();
    friend bool operator==(const Rule&, const Rule&) = default;
  };

  static Result<Rule> ParseRule(std::string_view text);
  Rate AtMinute(int minute_of_week) const;

  std::vector<Rule> rules_;
};

// What of a rate has been used: a token bucket whose debt is the wait.
class RateBucket {
 public:
  // `burst`: how much of an idle time may be made up for.
  explicit RateBucket(std::chrono::milliseconds burst) : burst_(burst) {}

  // Takes `bytes` now and says how long to wait before sending them: zero while within the rate.
  // Under kPaused nothing is taken and nullopt is answered: ask again when the schedule changes.
  std::optional<std::chrono::nanoseconds> Take(std::uint64_t bytes, Rate rate, SteadyTime now);

 private:
  std::chrono::nanoseconds burst_;
  SteadyTime paid_until_{};  // all that was taken is paid for at this time
};

}  // namespace forebay::tier
