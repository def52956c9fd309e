// The value types of a blob's and a container's attributes, and how headers spell them.
//
// Value types, thread compatible. Parsing errors are kInvalidHeaderValue with the header's name.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "azure/names.h"
#include "azure/wire.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

enum class BlobType : std::uint8_t { kBlock, kPage, kAppend };
std::string_view BlobTypeName(BlobType type);  // "BlockBlob"
std::optional<BlobType> ParseBlobType(std::string_view text);

enum class AccessTier : std::uint8_t { kHot, kCool, kCold, kArchive, kSmart };
std::string_view AccessTierName(AccessTier tier);
std::optional<AccessTier> ParseAccessTier(std::string_view text);  // without case
// x-ms-access-tier of a write; nullopt when absent. kInvalidHeaderValue.
Result<std::optional<AccessTier>> TierFromHeaders(HeaderSpan headers);

enum class RehydratePriority : std::uint8_t { kStandard, kHigh };
std::string_view RehydratePriorityName(RehydratePriority priority);
Result<RehydratePriority> RehydratePriorityFromHeaders(HeaderSpan headers);  // default kStandard

enum class LeaseState : std::uint8_t { kAvailable, kLeased, kExpired, kBreaking, kBroken };
std::string_view LeaseStateName(LeaseState state);  // "available"
std::string_view LeaseStatusName(
    LeaseState state);  // "locked" for leased and breaking, else "unlocked"

enum class CopyStatus : std::uint8_t { kNone, kPending, kSuccess, kAborted, kFailed };
std::string_view CopyStatusName(CopyStatus status);

// x-ms-delete-snapshots.
enum class DeleteSnapshots : std::uint8_t { kUnspecified, kInclude, kOnly };
Result<DeleteSnapshots> DeleteSnapshotsFromHeaders(HeaderSpan headers);

// What a client stores about the content and gets back as HTTP headers. Empty means absent.
struct BlobHttpHeaders {
  std::string content_type;
  std::string content_encoding;
  std::string content_language;
  std::string cache_control;
  std::string content_disposition;
  std::string content_md5;  // 16 raw bytes, or empty

  friend bool operator==(const BlobHttpHeaders&, const BlobHttpHeaders&) = default;
};
// The x-ms-blob-content-* and x-ms-blob-cache-control headers; for Put Blob (`standard_too`) the
// plain Content-Type, Content-Encoding … stand in for those that are absent. Content type defaults
// to application/octet-stream when `standard_too`. kInvalidMd5, kInvalidHeaderValue.
Result<BlobHttpHeaders> HttpHeadersFrom(HeaderSpan headers, bool standard_too);

// base64 of 16 bytes. kInvalidMd5.
Result<std::string> ParseMd5(std::string_view base64);
// base64 of 8 bytes, little-endian. kInvalidCrc64.
Result<std::uint64_t> ParseCrc64(std::string_view base64);
std::string FormatCrc64(std::uint64_t crc);

// rscc … rsct of a SAS: they replace what Get Blob answers.
struct HeaderOverrides {
  std::string cache_control;
  std::string content_disposition;
  std::string content_encoding;
  std::string content_language;
  std::string content_type;
};

// In arrival order, with the names' case kept; compared without case.
using Metadata = std::vector<std::pair<std::string, std::string>>;
// Sorted by key, as Azure stores and lists them.
using Tags = std::map<std::string, std::string>;

// A stored access policy of a container.
struct StoredPolicy {
  std::string id;  // 1 to 64 characters
  std::optional<WallTime> start;
  std::optional<WallTime> expiry;
  std::string permissions;  // letters; may be empty
  friend bool operator==(const StoredPolicy&, const StoredPolicy&) = default;
};
inline constexpr std::size_t kMaxStoredPolicies = 5;

struct CopyState {
  CopyStatus status = CopyStatus::kNone;
  std::string id;
  std::string source;
  std::string description;
  std::optional<WallTime> completed;
  std::uint64_t bytes_copied = 0;
  std::uint64_t bytes_total = 0;
};

// What a listing says about a blob, and what Get Blob Properties answers.
struct BlobProperties {
  BlobType type = BlobType::kBlock;
  WallTime created;
  WallTime last_modified;
  ETag etag;
  std::uint64_t length = 0;
  BlobHttpHeaders http;
  AccessTier tier = AccessTier::kHot;
  bool tier_inferred = true;
  std::optional<WallTime> tier_changed;
  std::optional<AccessTier> rehydrating_to;  // x-ms-archive-status
  RehydratePriority rehydrate_priority = RehydratePriority::kStandard;
  LeaseState lease = LeaseState::kAvailable;
  bool lease_infinite = false;  // meaningful while leased
  CopyState copy;
  std::optional<std::uint64_t> sequence_number;   // page blobs
  std::optional<std::uint32_t> committed_blocks;  // append blobs
  bool sealed = false;
  bool incremental_copy = false;
  std::uint64_t tag_count = 0;
  std::optional<WallTime> expires;
  std::optional<WallTime> last_accessed;
  std::optional<WallTime> deleted_time;
  std::optional<std::uint32_t> remaining_retention_days;
  bool server_encrypted = true;
  // Hierarchical accounts: "directory" or "file", as x-ms-resource-type has it; empty otherwise.
  std::string resource_type;
};

}  // namespace forebay::azure
