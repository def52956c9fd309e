// Names of things in an account, and the rules for them.
//
// Strong types construct unchecked; what comes from a client goes through a Parse function here.
// Rules: "Naming and Referencing Containers, Blobs, and Metadata" of the REST reference. Pure,
// thread safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/strong.h"

namespace forebay::azure {

using AccountName = StrongString<struct AccountNameTag>;
using ContainerName = StrongString<struct ContainerNameTag>;
// UTF-8, decoded: never percent-encoded, never normalised.
using BlobName = StrongString<struct BlobNameTag>;
// The decoded bytes, 1 to 64 of them; on the wire they are base64 (see FormatBlockId).
using BlockId = StrongString<struct BlockIdTag>;
// Without quotes: 0x8DCAFE0123456789. Quoted in headers, bare in the XML of listings.
using ETag = StrongString<struct ETagTag>;

inline constexpr std::size_t kMaxBlobNameLength = 1024;  // UTF-16 code units
inline constexpr std::size_t kMaxBlobNameSegments = 254;
inline constexpr std::size_t kMaxBlockIdBytes = 64;

inline constexpr std::string_view kRootContainer = "$root";

// 3 to 24 lower-case letters and digits. kInvalidResourceName.
Result<AccountName> ParseAccountName(std::string_view text);

// 3 to 63 lower-case letters, digits and single hyphens between them; or one of $root, $web, $logs,
// $blobchangefeed. kInvalidResourceName for characters, kOutOfRangeInput for the length.
Result<ContainerName> ParseContainerName(std::string_view text);
// True for the names that begin with '$'; users create only $root and $web.
bool IsSystemContainer(const ContainerName& name);

// `text` is decoded. 1 to 1,024 UTF-16 code units, well-formed UTF-8, no NUL, at most 254 segments.
// "/", "//", ".", ".." and trailing dots are characters like all others. kInvalidUri (bytes that
// are not UTF-8, NUL), kOutOfRangeInput (length), kInvalidResourceName (segments).
Result<BlobName> ParseBlobName(std::string_view text);

// `text` is the base64 of Put Block's `blockid` and of a block list's entries. kInvalidBlockId when
// it is not base64, empty, or longer than 64 bytes. That all ids of a blob have equal length is the
// engine's rule (kInvalidBlobOrBlock).
Result<BlockId> ParseBlockId(std::string_view base64);
std::string FormatBlockId(const BlockId& id);

// `"0x8D…"`, with the quotes.
std::string QuoteETag(const ETag& etag);
// Takes a bare or quoted value, also with the weak prefix W/.
ETag UnquoteETag(std::string_view text);
// Azure's shape: 0x8D… from a number that grows with every change.
ETag MakeETag(std::uint64_t number);

// UTF-16 code units of well-formed UTF-8.
std::size_t Utf16Length(std::string_view utf8);

}  // namespace forebay::azure
