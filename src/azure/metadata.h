// User metadata (x-ms-meta-*) and blob index tags (x-ms-tags), with their limits.
//
// Rules: "Setting and retrieving properties and metadata for Blob service resources", "Set Blob
// Tags" of the REST reference. Pure, thread safe.
#pragma once

#include <string>
#include <string_view>

#include "azure/properties.h"
#include "azure/wire.h"
#include "base/result.h"

namespace forebay::azure {

inline constexpr std::size_t kMaxMetadataBytes = 8 * 1024;  // names and values together
inline constexpr std::size_t kMaxTags = 10;
inline constexpr std::size_t kMaxTagKeyLength = 128;
inline constexpr std::size_t kMaxTagValueLength = 256;

// All x-ms-meta-* of a request: names are C# identifiers, case kept; a name given twice joins its
// values with a comma. kEmptyMetadataKey, kInvalidMetadata, kMetadataTooLarge.
Result<Metadata> MetadataFrom(HeaderSpan headers);
// True when any x-ms-meta-* is there (a copy then replaces the source's).
bool HasMetadata(HeaderSpan headers);

// Checks count, lengths and characters (letters, digits, space, + - . / : = _). kInvalidTag,
// kEmptyTagName, kTagsTooLarge.
Result<> ValidateTags(const Tags& tags);
// "k1=v1&k2=v2", url-encoded; '+' is a space. kDuplicateTagNames and the above.
Result<Tags> ParseTagsHeader(std::string_view text);
// x-ms-tags; an empty set when absent.
Result<Tags> TagsFrom(HeaderSpan headers);
std::string FormatTagsHeader(const Tags& tags);

}  // namespace forebay::azure
