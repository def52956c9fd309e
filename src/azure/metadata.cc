#include "azure/metadata.h"

#include <algorithm>
#include <unordered_map>

#include "azure/error_table.h"
#include "azure/names.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

constexpr std::string_view kPrefix = "x-ms-meta-";

bool IsMetadata(std::string_view name) {
  return name.size() >= kPrefix.size() && EqualsIgnoreCase(name.substr(0, kPrefix.size()), kPrefix);
}

// The ASCII part of C#'s identifiers: what may stand in a header's name anyway.
bool IsIdentifier(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool IsTagText(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" +-./:=_").find(c) != std::string_view::npos;
  });
}

std::unexpected<Error> BadTag(std::string message) {
  return Fail(Code::kInvalidTag, std::move(message));
}

}  // namespace

bool HasMetadata(HeaderSpan headers) {
  return std::ranges::any_of(headers, [](const HeaderField& f) { return IsMetadata(f.first); });
}

Result<Metadata> MetadataFrom(HeaderSpan headers) {
  Metadata out;
  std::unordered_map<std::string, std::size_t> seen;  // lower-case name to its place
  std::size_t bytes = 0;
  for (const auto& [field, raw] : headers) {
    if (!IsMetadata(field)) continue;
    std::string name(field.substr(kPrefix.size()));
    std::string_view value = TrimSpace(raw);
    if (name.empty()) {
      return Fail(Code::kEmptyMetadataKey,
                  "The key for one of the metadata key-value pairs is empty.");
    }
    if (!IsIdentifier(name)) {
      return Fail(
          Error(Code::kInvalidMetadata,
                "The metadata specified is invalid. It has characters that are not permitted.")
              .WithDetail("HeaderName: " + std::string(field)));
    }
    bytes += name.size() + value.size();
    auto [it, is_new] = seen.emplace(ToLowerAscii(name), out.size());
    if (is_new) {
      out.emplace_back(std::move(name), std::string(value));
    } else {
      out[it->second].second += ',';
      out[it->second].second += value;
    }
  }
  if (bytes > kMaxMetadataBytes) {
    return Fail(Code::kMetadataTooLarge,
                "The metadata specified exceeds the maximum permissible limit of 8 KiB.");
  }
  return out;
}

Result<> ValidateTags(const Tags& tags) {
  if (tags.size() > kMaxTags) return Fail(Code::kTagsTooLarge, "A blob has at most 10 tags.");
  for (const auto& [key, value] : tags) {
    if (key.empty()) {
      return Fail(Code::kEmptyTagName, "The name of one of the tag key-value pairs is empty.");
    }
    if (key.size() > kMaxTagKeyLength || value.size() > kMaxTagValueLength) {
      return Fail(Code::kTagsTooLarge,
                  "A tag's key has at most 128 characters, its value at most 256.");
    }
    if (!IsTagText(key) || !IsTagText(value)) {
      return BadTag(
          "The tags specified are invalid. Tags have letters, digits, space and + - . / : = _");
    }
  }
  return {};
}

Result<Tags> ParseTagsHeader(std::string_view text) {
  Tags out;
  while (!text.empty()) {
    auto end = text.find('&');
    std::string_view part = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (part.empty()) continue;
    std::string spaced(part);
    std::ranges::replace(spaced, '+', ' ');
    auto equals = spaced.find('=');
    if (equals == std::string::npos) return BadTag("A tag in x-ms-tags has no value.");
    auto key = PercentDecode(std::string_view(spaced).substr(0, equals));
    auto value = PercentDecode(std::string_view(spaced).substr(equals + 1));
    if (!key || !value) return BadTag("x-ms-tags is not url-encoded.");
    if (!out.emplace(std::move(*key), std::move(*value)).second) {
      return Fail(Code::kDuplicateTagNames, "The tags specified contain duplicate names.");
    }
    if (out.size() > kMaxTags) return Fail(Code::kTagsTooLarge, "A blob has at most 10 tags.");
  }
  FB_RETURN_IF_ERROR(ValidateTags(out));
  return out;
}

Result<Tags> TagsFrom(HeaderSpan headers) {
  return ParseTagsHeader(HeaderOr(headers, "x-ms-tags"));
}

std::string FormatTagsHeader(const Tags& tags) {
  std::string out;
  for (const auto& [key, value] : tags) {
    if (!out.empty()) out += '&';
    out += PercentEncode(key);
    out += '=';
    out += PercentEncode(value);
  }
  return out;
}

}  // namespace forebay::azure
