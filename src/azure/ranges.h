// Byte ranges: Range and x-ms-range, Content-Range. Pure, thread safe.
//
// Rule: "Specify the range header for Blob service operations" of the REST reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "azure/wire.h"
#include "base/result.h"

namespace forebay::azure {

// As asked for: `last` is inclusive, absent for "bytes=5-".
struct RangeRequest {
  std::uint64_t first = 0;
  std::optional<std::uint64_t> last;
};
// A range of what is there; `length` > 0 unless the blob is empty.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// x-ms-range wins over Range. nullopt when there is none, and also for what Azure ignores: another
// unit, a suffix range ("bytes=-5"), several ranges, last before first. x-ms-range that is
// malformed: kInvalidHeaderValue.
Result<std::optional<RangeRequest>> RangeFrom(HeaderSpan headers);
// x-ms-source-range, both ends required. kInvalidHeaderValue.
Result<std::optional<RangeRequest>> SourceRangeFrom(HeaderSpan headers);

// "bytes 0-99/1234"
std::string FormatContentRange(ByteRange range, std::uint64_t size);
// "bytes */1234", what a 416 carries.
std::string FormatUnsatisfiedRange(std::uint64_t size);
// Of an answer of the lake: {range, total}. nullopt when it is no such text.
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> ParseContentRange(std::string_view text);

// The longest range that x-ms-range-get-content-md5 and -crc64 are answered for.
inline constexpr std::uint64_t kMaxChecksumRange = 4ull << 20;

}  // namespace forebay::azure
