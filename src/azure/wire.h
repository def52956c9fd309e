// What every part of the protocol shares: header fields as they arrive, and Azure's date formats.
//
// Pure functions and value types, thread safe. Nothing here does I/O; no HTTP library shows.
// Whoever has a request collects its fields once: `std::vector<HeaderField> fields(headers.begin(),
// headers.end())`.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace forebay::azure {

// Views into the request, which must outlive them.
using HeaderField = std::pair<std::string_view, std::string_view>;
// Header fields in arrival order; names compare without case.
using HeaderSpan = std::span<const HeaderField>;
// Fields to answer or to send.
using OwnedHeaders = std::vector<std::pair<std::string, std::string>>;

// The first value of that name, without surrounding white space; nullopt when absent.
std::optional<std::string_view> FindHeader(HeaderSpan headers, std::string_view name);
// The same, with an empty view for an absent field.
std::string_view HeaderOr(HeaderSpan headers, std::string_view name,
                          std::string_view fallback = {});

std::string_view TrimSpace(std::string_view text);  // spaces and tabs

// RFC 1123, as Last-Modified and x-ms-date have it: "Wed, 01 Jan 2025 10:00:00 GMT".
std::string FormatHttpDate(WallTime time);
// RFC 1123; RFC 850 and asctime too, as RFC 9110 asks of a recipient. nullopt for anything else.
std::optional<WallTime> ParseHttpDate(std::string_view text);

// Snapshot and version ids, with all seven digits: "2025-01-01T10:00:00.1234567Z".
std::string FormatTicks(WallTime time);
// "2025-01-01T10:00:00Z": what XML documents and SAS tokens carry.
std::string FormatIsoSeconds(WallTime time);
// ISO 8601 UTC in the forms that Azure takes: a date; a date and hh:mm[:ss[.f{1,7}]], each with Z
// or ±hh:mm. nullopt for anything else, and for dates before 1601 or after 9999.
std::optional<WallTime> ParseIsoTime(std::string_view text);

// Decimal digits only (no sign, no space), within 64 bits.
std::optional<std::uint64_t> ParseUint(std::string_view text);
// "true" or "false" without case, as .NET parses it.
std::optional<bool> ParseBool(std::string_view text);

}  // namespace forebay::azure
