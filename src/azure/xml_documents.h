// The other XML bodies of the Blob service: block lists, access policies, tags, service properties.
//
// Parsing is bounded: a document above its stated size, an entity declaration or a nesting no
// document has is refused. kInvalidXmlDocument for what is not well-formed, kInvalidXmlNodeValue,
// kMissingRequiredXmlNode or kUnsupportedXmlNode for the rest. Pure, thread safe (fuzzed:
// xml_fuzz.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/cors.h"
#include "azure/names.h"
#include "azure/properties.h"
#include "base/result.h"

namespace forebay::azure {

// --- Put Block List, Get Block List.
enum class BlockSource : std::uint8_t { kCommitted, kUncommitted, kLatest };
struct BlockListEntry {
  BlockId id;
  BlockSource source = BlockSource::kLatest;
  friend bool operator==(const BlockListEntry&, const BlockListEntry&) = default;
};
inline constexpr std::size_t kMaxBlocks = 50'000;
// 50,000 ids of 88 base64 characters with their tags, generously.
inline constexpr std::size_t kMaxBlockListXmlBytes = 8u << 20;
// Order is kept. kInvalidBlockList (an id that is not one), kBlockListTooLong (more than 50,000),
// kRequestBodyTooLarge.
Result<std::vector<BlockListEntry>> ParseBlockList(std::string_view xml);
std::string BlockListXml(
    const std::vector<BlockListEntry>& entries);  // for the lake client and tests

struct ListedBlock {
  BlockId id;
  std::uint64_t size = 0;
};
// Get Block List's answer; a null list is not in the answer at all (blocklisttype).
std::string BlockListAnswerXml(const std::vector<ListedBlock>* committed,
                               const std::vector<ListedBlock>* uncommitted);

// --- Container ACL.
inline constexpr std::size_t kMaxSmallXmlBytes = 256u << 10;
// At most 5, ids unique, 1 to 64 characters, permission letters that exist, dates ISO 8601.
// An empty body means no policies.
Result<std::vector<StoredPolicy>> ParseSignedIdentifiers(std::string_view xml);
std::string SignedIdentifiersXml(const std::vector<StoredPolicy>& policies);

// --- Tags. ValidateTags has passed on what is returned.
Result<Tags> ParseTagsXml(std::string_view xml);
std::string TagsXml(const Tags& tags);

// --- Service properties. Set changes only the parts that the document has.
struct RetentionPolicy {
  bool enabled = false;
  std::optional<std::uint32_t> days;  // 1 to 365
  bool allow_permanent_delete = false;
  friend bool operator==(const RetentionPolicy&, const RetentionPolicy&) = default;
};
struct LoggingSettings {
  std::string version = "1.0";
  bool remove = false, read = false, write = false;
  RetentionPolicy retention;
  friend bool operator==(const LoggingSettings&, const LoggingSettings&) = default;
};
struct MetricsSettings {
  std::string version = "1.0";
  bool enabled = false;
  std::optional<bool> include_apis;
  RetentionPolicy retention;
  friend bool operator==(const MetricsSettings&, const MetricsSettings&) = default;
};
struct StaticWebsite {
  bool enabled = false;
  std::string index_document, error_document_path, default_index_document_path;
  friend bool operator==(const StaticWebsite&, const StaticWebsite&) = default;
};
struct ServiceProperties {
  std::optional<LoggingSettings> logging;
  std::optional<MetricsSettings> hour_metrics;
  std::optional<MetricsSettings> minute_metrics;
  std::optional<std::vector<CorsRule>> cors;
  std::optional<std::string> default_service_version;
  std::optional<RetentionPolicy> delete_retention;
  std::optional<StaticWebsite> static_website;

  // Takes over what `change` sets.
  void Merge(const ServiceProperties& change);
  friend bool operator==(const ServiceProperties&, const ServiceProperties&) = default;
};
// What a new account answers.
ServiceProperties DefaultServiceProperties();
Result<ServiceProperties> ParseServiceProperties(std::string_view xml);
std::string ServicePropertiesXml(const ServiceProperties& properties);

// Get Blob Service Stats. `last_sync` nullopt: status "unavailable".
std::string ServiceStatsXml(std::optional<WallTime> last_sync);

}  // namespace forebay::azure
