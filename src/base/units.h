// Sizes and durations as people write them, in configuration, flags and logs. Pure functions.
//
// A size is a whole or decimal number with B, KiB, MiB, GiB, TiB (powers of 1024) or kB, MB, GB, TB
// (powers of 1000); no unit means bytes. A duration is one or more numbers with ns, us, ms, s, m, h
// or d, largest first: "1h30m"; a bare 0 is allowed. Units of sizes may be in any case. Anything
// else, and what does not fit 63 bits, is kInvalidInput with a sentence that says what is expected.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay {

Result<std::uint64_t> ParseBytes(std::string_view text);
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// The largest binary unit, exact where it divides ("64MiB"), else with one decimal ("1.5GiB").
std::string FormatBytes(std::uint64_t bytes);
// Exact, and read back by ParseDuration: "1h30m", "250ms", "0s". Negative ones start with '-'.
std::string FormatDuration(std::chrono::nanoseconds duration);

}  // namespace forebay
