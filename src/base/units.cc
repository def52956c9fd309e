#include "base/units.h"

#include <array>
#include <charconv>
#include <limits>

#include "base/encoding.h"

namespace forebay {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr std::array kByteUnits = {
    Unit{"", 1},
    Unit{"b", 1},
    Unit{"kib", std::uint64_t{1} << 10},
    Unit{"mib", std::uint64_t{1} << 20},
    Unit{"gib", std::uint64_t{1} << 30},
    Unit{"tib", std::uint64_t{1} << 40},
    Unit{"kb", 1'000},
    Unit{"mb", 1'000'000},
    Unit{"gb", 1'000'000'000},
    Unit{"tb", 1'000'000'000'000},
};

// Largest first, as they may follow one another.
constexpr std::array kTimeUnits = {
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};

constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::unexpected<Error> BadSize(std::string_view text) {
  return Fail(Code::kInvalidInput, "\"" + std::string(text) +
                                       "\" is not a size; write a number and B, KiB, MiB, GiB or "
                                       "TiB, such as \"64MiB\".");
}

std::unexpected<Error> BadDuration(std::string_view text) {
  return Fail(Code::kInvalidInput, "\"" + std::string(text) +
                                       "\" is not a duration; write numbers with d, h, m, s or ms, "
                                       "such as \"30s\" or \"1h30m\".");
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the digits that lead `text`.
std::string_view TakeDigits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

bool ToNumber(std::string_view digits, std::uint64_t& value) {
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return error == std::errc{} && end == digits.data() + digits.size();
}

}  // namespace

Result<std::uint64_t> ParseBytes(std::string_view text) {
  std::string_view rest = text;
  std::uint64_t whole = 0;
  if (!ToNumber(TakeDigits(rest), whole)) return BadSize(text);
  std::string_view fraction;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = TakeDigits(rest);
    if (fraction.empty() || fraction.size() > 6) return BadSize(text);
  }
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  std::string name = ToLowerAscii(rest);
  for (const Unit& unit : kByteUnits) {
    if (unit.name != name) continue;
    if (whole > kMax / unit.size) return BadSize(text);
    std::uint64_t bytes = whole * unit.size;
    if (!fraction.empty()) {
      std::uint64_t numerator = 0, denominator = 1;
      if (!ToNumber(fraction, numerator)) return BadSize(text);
      for (std::size_t i = 0; i < fraction.size(); ++i) denominator *= 10;
      bytes += numerator * unit.size / denominator;  // at most 10^6 · 2^40: fits
    }
    if (bytes > kMax) return BadSize(text);
    return bytes;
  }
  return BadSize(text);
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  std::string_view rest = text;
  std::uint64_t total = 0;
  std::size_t next_unit = 0;
  if (rest.empty()) return BadDuration(text);
  while (!rest.empty()) {
    std::uint64_t count = 0;
    if (!ToNumber(TakeDigits(rest), count)) return BadDuration(text);
    std::size_t letters = 0;
    while (letters < rest.size() && !IsDigit(rest[letters])) ++letters;
    std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    while (next_unit < kTimeUnits.size() && kTimeUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kTimeUnits.size()) return BadDuration(text);
    std::uint64_t size = kTimeUnits[next_unit++].size;
    if (count > (kMax - total) / size) return BadDuration(text);
    total += count * size;
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string FormatBytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < kNames.size() && bytes >> (10 * (unit + 1)) != 0) ++unit;
  std::uint64_t size = std::uint64_t{1} << (10 * unit);
  std::string text = std::to_string(bytes / size);
  if (std::uint64_t rest = bytes % size; rest != 0) {
    text += '.';
    text += std::to_string(rest / (size / 1024) * 10 / 1024);
  }
  text += kNames[unit];
  return text;
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  std::string text;
  auto left = static_cast<std::uint64_t>(duration.count());
  if (duration.count() < 0) {
    text = "-";
    left = ~left + 1;
  }
  for (const Unit& unit : kTimeUnits) {
    if (std::uint64_t count = left / unit.size; count != 0) {
      text += std::to_string(count);
      text += unit.name;
      left %= unit.size;
    }
  }
  return text;
}

}  // namespace forebay
