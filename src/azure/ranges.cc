#include "azure/ranges.h"

#include <fmt/format.h>

#include "azure/error_table.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

// "bytes=a-b" or "bytes=a-"; nullopt for all other texts.
std::optional<RangeRequest> ParseRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes=";
  if (text.size() < kUnit.size() || !EqualsIgnoreCase(text.substr(0, kUnit.size()), kUnit)) {
    return std::nullopt;
  }
  text.remove_prefix(kUnit.size());
  auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto first = ParseUint(TrimSpace(text.substr(0, dash)));
  std::string_view tail = TrimSpace(text.substr(dash + 1));
  if (!first) return std::nullopt;
  if (tail.empty()) return RangeRequest{*first, std::nullopt};
  auto last = ParseUint(tail);
  if (!last || *last < *first) return std::nullopt;
  return RangeRequest{*first, last};
}

}  // namespace

Result<std::optional<RangeRequest>> RangeFrom(HeaderSpan headers) {
  if (auto own = FindHeader(headers, "x-ms-range"); own && !own->empty()) {
    auto range = ParseRange(*own);
    if (!range) return Fail(InvalidHeaderError("x-ms-range", *own));
    return range;
  }
  auto standard = FindHeader(headers, "Range");
  return standard ? ParseRange(*standard) : std::nullopt;
}

Result<std::optional<RangeRequest>> SourceRangeFrom(HeaderSpan headers) {
  auto text = FindHeader(headers, "x-ms-source-range");
  if (!text || text->empty()) return std::optional<RangeRequest>();
  auto range = ParseRange(*text);
  if (!range || !range->last) return Fail(InvalidHeaderError("x-ms-source-range", *text));
  return range;
}

std::string FormatContentRange(ByteRange range, std::uint64_t size) {
  return fmt::format("bytes {}-{}/{}", range.offset, range.offset + range.length - 1, size);
}

std::string FormatUnsatisfiedRange(std::uint64_t size) { return fmt::format("bytes */{}", size); }

std::optional<ContentRange> ParseContentRange(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  auto dash = text.find('-');
  auto slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  auto first = ParseUint(text.substr(0, dash));
  auto last = ParseUint(text.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first || *last - *first == UINT64_MAX) return std::nullopt;
  ContentRange out{{*first, *last - *first + 1}, std::nullopt};
  std::string_view total = text.substr(slash + 1);
  if (total == "*") return out;
  out.total = ParseUint(total);
  if (!out.total || *out.total <= *last) return std::nullopt;
  return out;
}

}  // namespace forebay::azure
