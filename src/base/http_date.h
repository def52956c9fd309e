// Dates as HTTP and Azure write them. Pure functions, thread safe, independent of locale and time
// zone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace forebay {

// RFC 9110 5.6.7 (the form of RFC 1123): "Sun, 06 Nov 1994 08:49:37 GMT". Fractions are cut off.
std::string FormatHttpDate(WallTime time);

// That form, and the two obsolete ones that a recipient must accept (RFC 850, asctime). The name of
// the day is not held against the date. nullopt for anything else.
std::optional<WallTime> ParseHttpDate(std::string_view text);

// "2026-11-21T03:33:00.1234567Z", as Azure prints times in XML, snapshots and tags. `digits` of the
// fraction, 0 to 7; 0 leaves the point out too.
std::string FormatIso8601(WallTime time, int digits = 7);

// The forms that SAS tokens and stored access policies may use: a date alone (midnight UTC), then
// with hours and minutes, seconds, and a fraction of 1 to 7 digits; a time ends with "Z" or
// "+hh:mm" or "-hh:mm". nullopt for anything else, also for a day that does not exist.
std::optional<WallTime> ParseIso8601(std::string_view text);

}  // namespace forebay
