#include "azure/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

Result<AccountName> ParseAccountName(std::string_view text) {
  if (text.size() < 3 || text.size() > 24 || !std::ranges::all_of(text, IsLowerAlnum)) {
    return Fail(Code::kInvalidResourceName,
                "An account name has 3 to 24 lower-case letters and digits.");
  }
  return AccountName(text);
}

Result<ContainerName> ParseContainerName(std::string_view text) {
  if (text.starts_with('$')) {
    if (text == "$root" || text == "$web" || text == "$logs" || text == "$blobchangefeed") {
      return ContainerName(text);
    }
    return Fail(Code::kInvalidResourceName,
                "The specified resource name contains invalid characters.");
  }
  if (text.size() < 3 || text.size() > 63) {
    return Fail(Code::kOutOfRangeInput,
                "The specified resource name length is not within the permissible limits.");
  }
  bool characters = std::ranges::all_of(text, [](char c) { return IsLowerAlnum(c) || c == '-'; });
  if (!characters || text.front() == '-' || text.back() == '-' ||
      text.find("--") != std::string_view::npos) {
    return Fail(Code::kInvalidResourceName,
                "The specified resource name contains invalid characters.");
  }
  return ContainerName(text);
}

bool IsSystemContainer(const ContainerName& name) { return name.view().starts_with('$'); }

std::size_t Utf16Length(std::string_view utf8) {
  std::size_t units = 0;
  for (char c : utf8) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) ++units;  // the first byte of a character
    if (byte >= 0xF0) ++units;           // beyond the basic plane: a surrogate pair
  }
  return units;
}

Result<BlobName> ParseBlobName(std::string_view text) {
  if (text.empty()) return Fail(Code::kInvalidUri, "A blob name has at least one character.");
  // Cheap and first: no character has more than four bytes.
  if (text.size() > 4 * kMaxBlobNameLength || Utf16Length(text) > kMaxBlobNameLength) {
    return Fail(Code::kOutOfRangeInput,
                "The specified resource name length is not within the permissible limits.");
  }
  if (text.find('\0') != std::string_view::npos || !IsValidUtf8(text)) {
    return Fail(Code::kInvalidUri, "The blob name is not well-formed UTF-8, or has a NUL in it.");
  }
  if (std::ranges::count(text, '/') >= static_cast<std::ptrdiff_t>(kMaxBlobNameSegments)) {
    return Fail(Code::kInvalidResourceName, "A blob name has at most 254 path segments.");
  }
  return BlobName(text);
}

Result<BlockId> ParseBlockId(std::string_view base64) {
  auto bytes = Base64Decode(base64);
  if (!bytes || bytes->empty() || bytes->size() > kMaxBlockIdBytes) {
    return Fail(Code::kInvalidBlockId,
                "The specified block ID is invalid. It is the base64 of 1 to 64 bytes.");
  }
  return BlockId(std::move(*bytes));
}

std::string FormatBlockId(const BlockId& id) { return Base64Encode(AsBytes(id.view())); }

std::string QuoteETag(const ETag& etag) {
  std::string out;
  out.reserve(etag.size() + 2);
  out += '"';
  out += etag.view();
  out += '"';
  return out;
}

ETag UnquoteETag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  return ETag(text);
}

ETag MakeETag(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::size_t kLeast = 14;
  // Azure prints 14 digits; our numbers may need two more.
  const std::size_t digits = std::max(kLeast, (std::bit_width(number) + std::size_t{3}) / 4);
  std::string text(4 + digits, '0');
  text.replace(0, 4, "0x8D");
  for (std::size_t at = text.size(); at > 4; number >>= 4) text[--at] = kDigits[number & 15];
  return ETag(std::move(text));
}

}  // namespace forebay::azure
