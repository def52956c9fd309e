#include "azure/wire.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

#include "base/encoding.h"

namespace forebay::azure {
namespace {

namespace chrono = std::chrono;

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
  int year;
  unsigned month, day;
  std::int64_t hour, minute, second, fraction;
  unsigned weekday;
};

Civil ToCivil(WallTime time) {
  std::int64_t seconds = time.ticks / WallTime::kTicksPerSecond;
  std::int64_t fraction = time.ticks % WallTime::kTicksPerSecond;
  if (fraction < 0) {
    fraction += WallTime::kTicksPerSecond;
    --seconds;
  }
  std::int64_t days = seconds / 86400;
  std::int64_t rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  chrono::sys_days date{chrono::days(days)};
  chrono::year_month_day ymd(date);
  return {static_cast<int>(ymd.year()),
          static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day()),
          rest / 3600,
          rest / 60 % 60,
          rest % 60,
          fraction,
          chrono::weekday(date).c_encoding()};
}

// A cursor over the text of a date; every Take returns false once something did not fit.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool Digits(std::size_t count, int& out) {
    if (text_.size() < count) return false;
    int value = 0;
    for (char c : text_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    out = value;
    text_.remove_prefix(count);
    return true;
  }
  bool Literal(std::string_view literal) {
    if (!text_.starts_with(literal)) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  bool Month(int& out) {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (Literal(kMonths[i])) {
        out = static_cast<int>(i) + 1;
        return true;
      }
    }
    return false;
  }
  bool SkipWord() {
    std::size_t n = 0;
    while (n < text_.size() &&
           ((text_[n] >= 'A' && text_[n] <= 'Z') || (text_[n] >= 'a' && text_[n] <= 'z'))) {
      ++n;
    }
    text_.remove_prefix(n);
    return n >= 3;
  }
  bool Clock(int& hour, int& minute, int& second) {
    return Digits(2, hour) && Literal(":") && Digits(2, minute) && Literal(":") &&
           Digits(2, second);
  }
  bool AtEnd() const { return text_.empty(); }
  char Peek() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  std::string_view text_;
};

std::optional<WallTime> FromCivil(int year, int month, int day, int hour, int minute, int second,
                                  std::int64_t fraction = 0) {
  chrono::year_month_day ymd{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                             chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok() || year < 1601 || year > 9999) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::int64_t days = chrono::sys_days(ymd).time_since_epoch().count();
  std::int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second;
  return WallTime{seconds * WallTime::kTicksPerSecond + fraction};
}

// .f{1,7} as ticks.
bool Fraction(Scanner& scan, std::int64_t& out) {
  std::int64_t value = 0;
  int digits = 0;
  int digit = 0;
  while (digits < 7 && scan.Digits(1, digit)) {
    value = value * 10 + digit;
    ++digits;
  }
  if (digits == 0) return false;
  for (; digits < 7; ++digits) value *= 10;
  out = value;
  return true;
}

// "Z", "+hh:mm", "-hh:mm": minutes east of UTC.
bool Zone(Scanner& scan, int& minutes) {
  if (scan.Literal("Z")) return true;
  int sign = scan.Peek() == '-' ? -1 : 1;
  if (!scan.Literal("+") && !scan.Literal("-")) return false;
  int hour = 0;
  int minute = 0;
  if (!scan.Digits(2, hour) || !scan.Literal(":") || !scan.Digits(2, minute)) return false;
  if (hour > 14 || minute > 59) return false;
  minutes = sign * (hour * 60 + minute);
  return true;
}

}  // namespace

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> FindHeader(HeaderSpan headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key.size() == name.size() && EqualsIgnoreCase(key, name)) return TrimSpace(value);
  }
  return std::nullopt;
}

std::string_view HeaderOr(HeaderSpan headers, std::string_view name, std::string_view fallback) {
  return FindHeader(headers, name).value_or(fallback);
}

std::string FormatHttpDate(WallTime time) {
  const Civil c = ToCivil(time);
  std::string text = "Www, dd Mmm yyyy hh:mm:ss GMT";
  const auto two = [&text](std::size_t at, std::int64_t value) {
    text[at] = static_cast<char>('0' + value / 10 % 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  kDays[c.weekday].copy(text.data(), 3);
  two(5, c.day);
  kMonths[c.month - 1].copy(text.data() + 8, 3);
  two(12, c.year / 100);
  two(14, c.year % 100);
  two(17, c.hour);
  two(20, c.minute);
  two(23, c.second);
  return text;
}

std::optional<WallTime> ParseHttpDate(std::string_view text) {
  Scanner scan(TrimSpace(text));
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!scan.SkipWord()) return std::nullopt;
  if (scan.Literal(", ")) {
    // RFC 1123, whose day may have one digit in the wild; or RFC 850.
    if (!scan.Digits(2, day) && !scan.Digits(1, day)) return std::nullopt;
    bool rfc850 = scan.Peek() == '-';
    std::string_view separator = rfc850 ? "-" : " ";
    if (!scan.Literal(separator) || !scan.Month(month) || !scan.Literal(separator)) {
      return std::nullopt;
    }
    if (!scan.Digits(rfc850 ? 2 : 4, year)) return std::nullopt;
    if (rfc850) year += year < 70 ? 2000 : 1900;
    if (!scan.Literal(" ") || !scan.Clock(hour, minute, second)) return std::nullopt;
    if (!scan.Literal(" GMT") && !scan.Literal(" UTC")) return std::nullopt;
  } else {
    // asctime: "Sun Nov  6 08:49:37 1994".
    if (!scan.Literal(" ") || !scan.Month(month) || !scan.Literal(" ")) return std::nullopt;
    if (scan.Literal(" ") ? !scan.Digits(1, day) : !scan.Digits(2, day)) return std::nullopt;
    if (!scan.Literal(" ") || !scan.Clock(hour, minute, second)) return std::nullopt;
    if (!scan.Literal(" ") || !scan.Digits(4, year)) return std::nullopt;
  }
  if (!scan.AtEnd()) return std::nullopt;
  return FromCivil(year, month, day, hour, minute, second);
}

std::string FormatTicks(WallTime time) {
  Civil c = ToCivil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z", c.year, c.month, c.day, c.hour,
                     c.minute, c.second, c.fraction);
}

std::string FormatIsoSeconds(WallTime time) {
  Civil c = ToCivil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour,
                     c.minute, c.second);
}

std::optional<WallTime> ParseIsoTime(std::string_view text) {
  Scanner scan(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, zone = 0;
  std::int64_t fraction = 0;
  if (!scan.Digits(4, year) || !scan.Literal("-") || !scan.Digits(2, month) || !scan.Literal("-") ||
      !scan.Digits(2, day)) {
    return std::nullopt;
  }
  if (scan.Literal("T")) {
    if (!scan.Digits(2, hour) || !scan.Literal(":") || !scan.Digits(2, minute)) {
      return std::nullopt;
    }
    if (scan.Literal(":")) {
      if (!scan.Digits(2, second)) return std::nullopt;
      if (scan.Literal(".") && !Fraction(scan, fraction)) return std::nullopt;
    }
    if (!Zone(scan, zone)) return std::nullopt;
  } else if (!scan.AtEnd() && !Zone(scan, zone)) {
    return std::nullopt;
  }
  if (!scan.AtEnd()) return std::nullopt;
  auto local = FromCivil(year, month, day, hour, minute, second, fraction);
  if (!local) return std::nullopt;
  return WallTime{local->ticks - std::int64_t{zone} * 60 * WallTime::kTicksPerSecond};
}

std::optional<std::uint64_t> ParseUint(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [at, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc() || at != end) return std::nullopt;
  return value;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (EqualsIgnoreCase(text, "true")) return true;
  if (EqualsIgnoreCase(text, "false")) return false;
  return std::nullopt;
}

}  // namespace forebay::azure
