#include "base/http_date.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <limits>

namespace forebay {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned weekday = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int fraction = 0;  // 100 ns
};

Fields Split(WallTime time) {
  namespace ch = std::chrono;
  std::int64_t seconds = time.ticks / WallTime::kTicksPerSecond;
  std::int64_t fraction = time.ticks % WallTime::kTicksPerSecond;
  if (fraction < 0) {
    fraction += WallTime::kTicksPerSecond;
    --seconds;
  }
  ch::sys_seconds at{ch::seconds(seconds)};
  ch::sys_days midnight = ch::floor<ch::days>(at);
  ch::year_month_day date(midnight);
  auto in_day = static_cast<int>((at - midnight).count());
  return {int(date.year()),     unsigned(date.month()),
          unsigned(date.day()), ch::weekday(midnight).c_encoding(),
          in_day / 3600,        in_day / 60 % 60,
          in_day % 60,          static_cast<int>(fraction)};
}

std::optional<WallTime> Join(const Fields& f) {
  namespace ch = std::chrono;
  ch::year_month_day date{ch::year(f.year), ch::month(f.month), ch::day(f.day)};
  // A leap second, 60, is the first of the next minute.
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  std::int64_t days = ch::sys_days(date).time_since_epoch().count();
  std::int64_t seconds = days * 86400 + f.hour * 3600 + f.minute * 60 + f.second;
  return WallTime{seconds * WallTime::kTicksPerSecond + f.fraction};
}

// Reads a fixed form from left to right; once anything differs it stays failed.
class Scanner {
 public:
  explicit Scanner(std::string_view in) : in_(in) {}

  int Digits(std::size_t n) {
    int value = 0;
    if (in_.size() < n) ok_ = false;
    for (std::size_t i = 0; ok_ && i < n; ++i) {
      if (in_[i] < '0' || in_[i] > '9') ok_ = false;
      value = value * 10 + (in_[i] - '0');
    }
    if (ok_) in_.remove_prefix(n);
    return ok_ ? value : 0;
  }
  void Expect(std::string_view text) {
    if (!in_.starts_with(text)) ok_ = false;
    if (ok_) in_.remove_prefix(text.size());
  }
  bool Skip(char c) {
    bool there = ok_ && in_.starts_with(c);
    if (there) in_.remove_prefix(1);
    return there;
  }
  template <std::size_t N>
  unsigned OneOf(const std::array<std::string_view, N>& names) {
    for (unsigned i = 0; ok_ && i < N; ++i) {
      if (!in_.starts_with(names[i])) continue;
      in_.remove_prefix(names[i].size());
      return i;
    }
    ok_ = false;
    return 0;
  }
  void Time(Fields& f) {
    f.hour = Digits(2);
    Expect(":");
    f.minute = Digits(2);
    Expect(":");
    f.second = Digits(2);
  }
  bool NextIsDigit() const { return !in_.empty() && in_.front() >= '0' && in_.front() <= '9'; }
  bool ok() const { return ok_; }
  bool Done() const { return ok_ && in_.empty(); }

 private:
  std::string_view in_;
  bool ok_ = true;
};

std::optional<WallTime> ParseRfc1123(std::string_view text) {
  Scanner in(text);
  Fields f;
  in.OneOf(kDays);
  in.Expect(", ");
  f.day = static_cast<unsigned>(in.Digits(2));
  in.Expect(" ");
  f.month = in.OneOf(kMonths) + 1;
  in.Expect(" ");
  f.year = in.Digits(4);
  in.Expect(" ");
  in.Time(f);
  in.Expect(" GMT");
  return in.Done() ? Join(f) : std::nullopt;
}

// "Sunday, 06-Nov-94 08:49:37 GMT". RFC 9110: a year that seems more than 50 years ahead is past;
// with a fixed pivot, 70 to 99 are of the last century.
std::optional<WallTime> ParseRfc850(std::string_view text) {
  Scanner in(text);
  Fields f;
  in.OneOf(kLongDays);
  in.Expect(", ");
  f.day = static_cast<unsigned>(in.Digits(2));
  in.Expect("-");
  f.month = in.OneOf(kMonths) + 1;
  in.Expect("-");
  f.year = in.Digits(2);
  f.year += f.year >= 70 ? 1900 : 2000;
  in.Expect(" ");
  in.Time(f);
  in.Expect(" GMT");
  return in.Done() ? Join(f) : std::nullopt;
}

// "Sun Nov  6 08:49:37 1994"
std::optional<WallTime> ParseAsctime(std::string_view text) {
  Scanner in(text);
  Fields f;
  in.OneOf(kDays);
  in.Expect(" ");
  f.month = in.OneOf(kMonths) + 1;
  in.Expect(" ");
  f.day = static_cast<unsigned>(in.Skip(' ') ? in.Digits(1) : in.Digits(2));
  in.Expect(" ");
  in.Time(f);
  in.Expect(" ");
  f.year = in.Digits(4);
  return in.Done() ? Join(f) : std::nullopt;
}

// The zone's distance from UTC in minutes.
int ScanZone(Scanner& in) {
  if (in.Skip('Z')) return 0;
  int sign = in.Skip('-') ? -1 : 1;
  if (sign == 1) in.Expect("+");
  int hours = in.Digits(2);
  in.Expect(":");
  int minutes = in.Digits(2);
  if (hours > 14 || minutes > 59) in.Expect("\x01");  // no such zone: fail
  return sign * (hours * 60 + minutes);
}

}  // namespace

std::string FormatHttpDate(WallTime time) {
  Fields f = Split(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[f.weekday], f.day,
                     kMonths[f.month - 1], f.year, f.hour, f.minute, f.second);
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  if (auto time = ParseRfc1123(text)) return time;
  if (auto time = ParseRfc850(text)) return time;
  return ParseAsctime(text);
}

std::string FormatIso8601(WallTime time, int digits) {
  Fields f = Split(time);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}", f.year, f.month,
                                 f.day, f.hour, f.minute, f.second, f.fraction);
  std::size_t cut = digits <= 0 ? 8 : static_cast<std::size_t>(7 - std::min(digits, 7));
  text.resize(text.size() - cut);
  text += 'Z';
  return text;
}

std::optional<WallTime> ParseIso8601(std::string_view text) {
  Scanner in(text);
  Fields f;
  f.year = in.Digits(4);
  in.Expect("-");
  f.month = static_cast<unsigned>(in.Digits(2));
  in.Expect("-");
  f.day = static_cast<unsigned>(in.Digits(2));
  if (in.Done()) return Join(f);
  in.Expect("T");
  f.hour = in.Digits(2);
  in.Expect(":");
  f.minute = in.Digits(2);
  if (in.Skip(':')) {
    f.second = in.Digits(2);
    if (in.Skip('.')) {
      int scale = static_cast<int>(WallTime::kTicksPerSecond);
      do {
        scale /= 10;
        if (scale == 0) return std::nullopt;  // more than seven digits
        f.fraction += in.Digits(1) * scale;
      } while (in.ok() && in.NextIsDigit());
    }
  }
  int zone_minutes = ScanZone(in);
  if (!in.Done()) return std::nullopt;
  auto local = Join(f);
  if (!local) return std::nullopt;
  return *local - std::chrono::minutes(zone_minutes);
}

}  // namespace forebay
