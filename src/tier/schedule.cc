#include "tier/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/encoding.h"
#include "base/units.h"

namespace forebay::tier {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr int kDay = 24 * 60;
constexpr int kWeek = 7 * kDay;
constexpr std::uint8_t kEveryDay = 0x7F;
constexpr std::int64_t kTicksPerMinute = 60 * WallTime::kTicksPerSecond;

std::string_view Trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

std::unexpected<Error> Bad(std::string_view rule, std::string_view what) {
  return Fail(Code::kInvalidInput,
              "The rule \"" + std::string(rule) + "\" of the schedule: " + std::string(what));
}

std::optional<int> DayOf(std::string_view text) {
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    if (EqualsIgnoreCase(text, kDays[i])) return static_cast<int>(i);
  }
  return std::nullopt;
}

// "Mon", "Mon-Fri", "Sat+Sun"; nullopt for anything else.
std::optional<std::uint8_t> DaysOf(std::string_view text) {
  unsigned days = 0;
  for (;;) {
    const auto plus = text.find('+');
    const std::string_view part = text.substr(0, plus);
    const auto dash = part.find('-');
    const auto first = DayOf(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : DayOf(part.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    for (int day = *first;; day = (day + 1) % 7) {
      days |= 1U << day;
      if (day == *last) break;
    }
    if (plus == std::string_view::npos) return static_cast<std::uint8_t>(days);
    text.remove_prefix(plus + 1);
  }
}

std::optional<int> MinuteOf(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
  }
  const int hours = (text[0] - '0') * 10 + (text[1] - '0');
  const int minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (minutes > 59 || hours * 60 + minutes > kDay) return std::nullopt;
  return hours * 60 + minutes;
}

std::optional<Rate> RateOf(std::string_view text) {
  if (EqualsIgnoreCase(text, "unlimited")) return Rate::Unlimited();
  if (EqualsIgnoreCase(text, "paused")) return Rate::Paused();
  if (!text.ends_with("/s")) return std::nullopt;
  const auto bytes = ParseBytes(Trim(text.substr(0, text.size() - 2)));
  if (!bytes || *bytes == 0) return std::nullopt;
  return Rate::BytesPerSecond(*bytes);
}

std::string FormatMinute(int minute) {
  const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return two(minute / 60) + ":" + two(minute % 60);
}

std::string FormatDays(std::uint8_t days) {
  std::string out;
  for (int day = 0; day < 7; ++day) {
    if ((days >> day & 1) == 0) continue;
    int last = day;
    while (last < 6 && (days >> (last + 1) & 1) != 0) ++last;
    if (!out.empty()) out += '+';
    out += kDays[static_cast<std::size_t>(day)];
    if (last > day) out += "-" + std::string(kDays[static_cast<std::size_t>(last)]);
    day = last;
  }
  return out;
}

// 1970-01-01 was a Thursday.
std::int64_t LocalMinutes(WallTime now, std::chrono::minutes utc_offset) {
  const std::int64_t minutes =
      now.ticks / kTicksPerMinute - (now.ticks % kTicksPerMinute < 0 ? 1 : 0);
  return minutes + utc_offset.count() + 3 * kDay;
}

int MinuteOfWeek(std::int64_t local_minutes) {
  const auto minute = static_cast<int>(local_minutes % kWeek);
  return minute < 0 ? minute + kWeek : minute;
}

}  // namespace

std::string FormatRate(Rate rate) {
  if (rate.unlimited()) return "unlimited";
  if (rate.paused()) return "paused";
  const std::string text = FormatBytes(rate.bytes_per_second());
  const auto back = ParseBytes(text);
  const bool exact = back && *back == rate.bytes_per_second();
  return (exact ? text : std::to_string(rate.bytes_per_second()) + "B") + "/s";
}

Result<Schedule> Schedule::Parse(std::string_view text) {
  Schedule out;
  if (Trim(text).empty()) return out;
  for (;;) {
    const auto comma = text.find(',');
    FB_ASSIGN_OR_RETURN(const Rule rule, ParseRule(Trim(text.substr(0, comma))));
    out.rules_.push_back(rule);
    if (out.rules_.size() > kMaxScheduleRules) {
      return Fail(Code::kInvalidInput,
                  "The schedule has more than " + std::to_string(kMaxScheduleRules) + " rules.");
    }
    if (comma == std::string_view::npos) return out;
    text.remove_prefix(comma + 1);
  }
}

Result<Schedule::Rule> Schedule::ParseRule(std::string_view text) {
  const auto equals = text.find('=');
  Rule rule;
  const std::string_view rate_text =
      Trim(equals == std::string_view::npos ? text : text.substr(equals + 1));
  const auto rate = RateOf(rate_text);
  if (!rate) {
    return Bad(text, "\"" + std::string(rate_text) +
                         "\" is not a rate; write a size a second such as \"200MiB/s\", "
                         "\"unlimited\" or \"paused\".");
  }
  rule.rate = *rate;
  if (equals == std::string_view::npos) return rule;
  const std::string_view when = Trim(text.substr(0, equals));
  if (when == "*") return rule;
  if (when.empty()) return Bad(text, "nothing before '='; write * for always.");
  std::string_view hours = when;
  const auto space = when.find_first_of(" \t");
  if (const auto days = DaysOf(when.substr(0, space))) {
    rule.days = *days;
    if (space == std::string_view::npos) return rule;
    hours = Trim(when.substr(space));
  }
  const auto dash = hours.find('-');
  const auto from = MinuteOf(hours.substr(0, dash));
  const auto to = dash == std::string_view::npos ? std::nullopt : MinuteOf(hours.substr(dash + 1));
  if (!from || !to) {
    return Bad(text, "\"" + std::string(when) +
                         "\" is not a time; write \"08:00-18:00\", \"Mon-Fri 08:00-18:00\", "
                         "\"Sat+Sun\" or \"*\".");
  }
  if (*from == *to || *from == kDay) return Bad(text, "its hours are empty.");
  rule.from = *from;
  rule.to = *to;
  return rule;
}

Rate Schedule::AtMinute(int minute_of_week) const {
  const int day = minute_of_week / kDay;
  const int minute = minute_of_week % kDay;
  const auto on = [](const Rule& rule, int d) { return (rule.days >> d & 1) != 0; };
  for (const Rule& rule : rules_) {
    const bool wraps = rule.to < rule.from;
    const bool today = on(rule, day) && minute >= rule.from && (wraps || minute < rule.to);
    const bool since_yesterday = wraps && on(rule, (day + 6) % 7) && minute < rule.to;
    if (today || since_yesterday) return rule.rate;
  }
  return Rate::Unlimited();
}

Rate Schedule::At(WallTime now, std::chrono::minutes utc_offset) const {
  return AtMinute(MinuteOfWeek(LocalMinutes(now, utc_offset)));
}

std::optional<WallTime> Schedule::NextChange(WallTime now, std::chrono::minutes utc_offset) const {
  const std::int64_t local = LocalMinutes(now, utc_offset);
  const int start = MinuteOfWeek(local);
  const Rate current = AtMinute(start);
  // Only where a rule begins or ends, or a day does, can the rate change.
  std::vector<int> edges;
  for (int day = 0; day < 7; ++day) {
    edges.push_back(day * kDay);
    for (const Rule& rule : rules_) {
      edges.push_back(day * kDay + rule.from);
      edges.push_back((day * kDay + rule.to) % kWeek);
    }
  }
  std::optional<int> soonest;
  for (const int edge : edges) {
    const int ahead = (edge - start + kWeek - 1) % kWeek + 1;  // 1 to a week
    if (AtMinute(edge) != current && (!soonest || ahead < *soonest)) soonest = ahead;
  }
  if (!soonest) return std::nullopt;
  const std::int64_t utc_minutes = local - utc_offset.count() - 3 * kDay;
  return WallTime{(utc_minutes + *soonest) * kTicksPerMinute};
}

std::string Schedule::ToString() const {
  std::string out;
  for (const Rule& rule : rules_) {
    if (!out.empty()) out += ", ";
    std::string when;
    if (rule.days != kEveryDay) when = FormatDays(rule.days);
    if (rule.from != 0 || rule.to != kDay) {
      if (!when.empty()) when += ' ';
      when += FormatMinute(rule.from) + "-" + FormatMinute(rule.to);
    }
    out += (when.empty() ? "*" : when) + "=" + FormatRate(rule.rate);
  }
  return out;
}

std::optional<std::chrono::nanoseconds> RateBucket::Take(std::uint64_t bytes, Rate rate,
                                                         SteadyTime now) {
  if (rate.paused()) return std::nullopt;
  // What was not used is kept for `burst` and no longer.
  paid_until_ = std::max(paid_until_, now - burst_);
  if (rate.unlimited()) {
    paid_until_ = std::min(paid_until_, now);
    return std::chrono::nanoseconds(0);
  }
  const std::chrono::nanoseconds wait = std::max(paid_until_ - now, std::chrono::nanoseconds(0));
  const double cost =
      static_cast<double>(bytes) * 1e9 / static_cast<double>(rate.bytes_per_second());
  // A year bounds what a tiny rate can owe.
  paid_until_ += std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(cost, 3.2e16)));
  return wait;
}

}  // namespace forebay::tier
