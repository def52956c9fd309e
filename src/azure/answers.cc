#include "azure/answers.h"

#include <algorithm>
#include <array>

#include "azure/ranges.h"
#include "azure/xml_read.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

using Properties = BlobProperties;

void SetDate(WallTime& into, std::string_view text) {
  if (const auto time = ParseHttpDate(text)) into = *time;
}
void SetDate(std::optional<WallTime>& into, std::string_view text) {
  if (const auto time = ParseHttpDate(text)) into = *time;
}
bool IsTrue(std::string_view text) { return ParseBool(text).value_or(false); }

void SetArchiveStatus(Properties& p, std::string_view text) {
  constexpr std::string_view kBegin = "rehydrate-pending-to-";
  if (text.starts_with(kBegin)) p.rehydrating_to = ParseAccessTier(text.substr(kBegin.size()));
}

void SetLease(Properties& p, std::string_view text) {
  for (const auto state : {LeaseState::kAvailable, LeaseState::kLeased, LeaseState::kExpired,
                           LeaseState::kBreaking, LeaseState::kBroken}) {
    if (LeaseStateName(state) == text) p.lease = state;
  }
}

void SetCopyStatus(Properties& p, std::string_view text) {
  for (const auto status :
       {CopyStatus::kPending, CopyStatus::kSuccess, CopyStatus::kAborted, CopyStatus::kFailed}) {
    if (CopyStatusName(status) == text) p.copy.status = status;
  }
}

void SetCopyProgress(Properties& p, std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return;
  p.copy.bytes_copied = ParseUint(text.substr(0, slash)).value_or(0);
  p.copy.bytes_total = ParseUint(text.substr(slash + 1)).value_or(0);
}

void SetMd5(Properties& p, std::string_view text) {
  if (const auto md5 = ParseMd5(text)) p.http.content_md5 = *md5;
}

// One property: its element in a listing, its header, and how it is taken.
struct Property {
  std::string_view element;
  std::string_view header;
  void (*set)(Properties&, std::string_view);
};

using P = Properties&;
using T = std::string_view;
constexpr auto kProperties = std::to_array<Property>({
    {"Creation-Time", "x-ms-creation-time", [](P p, T t) { SetDate(p.created, t); }},
    {"Last-Modified", "Last-Modified", [](P p, T t) { SetDate(p.last_modified, t); }},
    {"Etag", "ETag", [](P p, T t) { p.etag = UnquoteETag(t); }},
    {"Content-Type", "Content-Type", [](P p, T t) { p.http.content_type = t; }},
    {"Content-Encoding", "Content-Encoding", [](P p, T t) { p.http.content_encoding = t; }},
    {"Content-Language", "Content-Language", [](P p, T t) { p.http.content_language = t; }},
    {"Cache-Control", "Cache-Control", [](P p, T t) { p.http.cache_control = t; }},
    {"Content-Disposition", "Content-Disposition",
     [](P p, T t) { p.http.content_disposition = t; }},
    {"BlobType", "x-ms-blob-type",
     [](P p, T t) { p.type = ParseBlobType(t).value_or(BlobType::kBlock); }},
    {"AccessTier", "x-ms-access-tier",
     [](P p, T t) { p.tier = ParseAccessTier(t).value_or(AccessTier::kHot); }},
    {"AccessTierInferred", "x-ms-access-tier-inferred",
     [](P p, T t) { p.tier_inferred = IsTrue(t); }},
    {"AccessTierChangeTime", "x-ms-access-tier-change-time",
     [](P p, T t) { SetDate(p.tier_changed, t); }},
    {"ArchiveStatus", "x-ms-archive-status", SetArchiveStatus},
    {"RehydratePriority", "x-ms-rehydrate-priority",
     [](P p, T t) {
       p.rehydrate_priority =
           EqualsIgnoreCase(t, "High") ? RehydratePriority::kHigh : RehydratePriority::kStandard;
     }},
    {"LeaseState", "x-ms-lease-state", SetLease},
    {"LeaseDuration", "x-ms-lease-duration", [](P p, T t) { p.lease_infinite = t == "infinite"; }},
    {"CopyId", "x-ms-copy-id", [](P p, T t) { p.copy.id = t; }},
    {"CopySource", "x-ms-copy-source", [](P p, T t) { p.copy.source = t; }},
    {"CopyStatus", "x-ms-copy-status", SetCopyStatus},
    {"CopyStatusDescription", "x-ms-copy-status-description",
     [](P p, T t) { p.copy.description = t; }},
    {"CopyProgress", "x-ms-copy-progress", SetCopyProgress},
    {"CopyCompletionTime", "x-ms-copy-completion-time",
     [](P p, T t) { SetDate(p.copy.completed, t); }},
    {"ServerEncrypted", "x-ms-server-encrypted", [](P p, T t) { p.server_encrypted = IsTrue(t); }},
    {"TagCount", "x-ms-tag-count", [](P p, T t) { p.tag_count = ParseUint(t).value_or(0); }},
    {"ResourceType", "x-ms-resource-type", [](P p, T t) { p.resource_type = t; }},
    {"Expiry-Time", "x-ms-expiry-time", [](P p, T t) { SetDate(p.expires, t); }},
    {"LastAccessTime", "x-ms-last-access-time", [](P p, T t) { SetDate(p.last_accessed, t); }},
    {"DeletedTime", "", [](P p, T t) { SetDate(p.deleted_time, t); }},
    {"RemainingRetentionDays", "",
     [](P p, T t) {
       p.remaining_retention_days = static_cast<std::uint32_t>(ParseUint(t).value_or(0));
     }},
    {"x-ms-blob-sequence-number", "x-ms-blob-sequence-number",
     [](P p, T t) { p.sequence_number = ParseUint(t); }},
    {"Sealed", "x-ms-blob-sealed", [](P p, T t) { p.sealed = IsTrue(t); }},
    {"IncrementalCopy", "x-ms-incremental-copy", [](P p, T t) { p.incremental_copy = IsTrue(t); }},
    {"Content-MD5", "", SetMd5},
    {"Content-Length", "", [](P p, T t) { p.length = ParseUint(t).value_or(0); }},
});

std::string TextOf(pugi::xml_node node) {
  const std::string_view text = node.child_value();
  if (node.attribute("Encoded").as_bool()) {
    if (auto decoded = PercentDecode(text)) return std::move(*decoded);
  }
  return std::string(text);
}

void ReadProperties(pugi::xml_node node, BlobProperties& out) {
  out.tier_inferred = false;
  out.server_encrypted = false;
  for (const pugi::xml_node child : node.children()) {
    const std::string_view value = child.child_value();
    if (value.empty()) continue;
    const std::string_view name = child.name();
    const auto found = std::ranges::find(kProperties, name, &Property::element);
    if (found != kProperties.end()) found->set(out, value);
  }
}

Result<> ReadBlob(pugi::xml_node node, ListedBlob& out) {
  out.name = BlobName(TextOf(node.child("Name")));
  if (out.name.empty()) return MissingNode("Name");
  out.snapshot = node.child_value("Snapshot");
  out.version_id = node.child_value("VersionId");
  out.is_current_version = IsTrue(node.child_value("IsCurrentVersion"));
  out.deleted = IsTrue(node.child_value("Deleted"));
  out.has_versions_only = IsTrue(node.child_value("HasVersionsOnly"));
  ReadProperties(node.child("Properties"), out.properties);
  for (const pugi::xml_node entry : node.child("Metadata").children()) {
    if (entry.type() == pugi::node_element) {
      out.metadata.emplace_back(entry.name(), entry.child_value());
    }
  }
  for (const pugi::xml_node tag : node.child("Tags").child("TagSet").children("Tag")) {
    out.tags.emplace(tag.child_value("Key"), tag.child_value("Value"));
  }
  return {};
}

Result<std::vector<ListedBlock>> ReadBlocks(pugi::xml_node list) {
  std::vector<ListedBlock> out;
  for (const pugi::xml_node node : list.children("Block")) {
    FB_ASSIGN_OR_RETURN(BlockId id, ParseBlockId(node.child_value("Name")));
    out.push_back({.id = std::move(id), .size = ParseUint(node.child_value("Size")).value_or(0)});
  }
  return out;
}

}  // namespace

Result<BlobProperties> PropertiesFromAnswer(HeaderSpan headers) {
  BlobProperties out;
  out.tier_inferred = false;
  out.server_encrypted = false;
  for (const Property& property : kProperties) {
    if (property.header.empty()) continue;
    const auto value = FindHeader(headers, property.header);
    if (value && !value->empty()) property.set(out, *value);
  }
  // The answer to a range carries the range's MD5 as Content-MD5, and the blob's apart.
  const auto range = ParseContentRange(HeaderOr(headers, "Content-Range"));
  const auto md5 = FindHeader(headers, range ? "x-ms-blob-content-md5" : "Content-MD5");
  if (md5) SetMd5(out, *md5);
  if (const auto blocks = FindHeader(headers, "x-ms-blob-committed-block-count")) {
    if (const auto count = ParseUint(*blocks)) {
      out.committed_blocks = static_cast<std::uint32_t>(*count);
    }
  }
  const auto length = range ? range->total : ParseUint(HeaderOr(headers, "Content-Length"));
  if (out.etag.empty() || !length) {
    return Fail(Code::kInvalidHeaderValue, "The answer lacks the blob's ETag or its length.");
  }
  out.length = *length;
  return out;
}

Metadata MetadataFromAnswer(HeaderSpan headers) {
  constexpr std::string_view kBegin = "x-ms-meta-";
  Metadata out;
  for (const auto& [name, value] : headers) {
    if (name.size() > kBegin.size() && EqualsIgnoreCase(name.substr(0, kBegin.size()), kBegin)) {
      out.emplace_back(name.substr(kBegin.size()), TrimSpace(value));
    }
  }
  return out;
}

Result<ListBlobsAnswer> ParseListBlobsAnswer(std::string_view xml) {
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(const pugi::xml_node root,
                      LoadXml(document, xml, "EnumerationResults", kMaxListAnswerBytes));
  ListBlobsAnswer out;
  // They are large, and there are thousands of them: each is made where it stays.
  const pugi::xml_object_range nodes = root.child("Blobs").children();
  out.blobs.reserve(static_cast<std::size_t>(std::distance(nodes.begin(), nodes.end())));
  for (const pugi::xml_node node : nodes) {
    const std::string_view name = node.name();
    if (name == "Blob") {
      FB_RETURN_IF_ERROR(ReadBlob(node, out.blobs.emplace_back()));
    } else if (name == "BlobPrefix") {
      out.prefixes.push_back(TextOf(node.child("Name")));
    }
  }
  out.next_marker = root.child_value("NextMarker");
  return out;
}

Result<BlockListAnswer> ParseBlockListAnswer(std::string_view xml) {
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(const pugi::xml_node root,
                      LoadXml(document, xml, "BlockList", kMaxBlockListAnswerBytes));
  BlockListAnswer out;
  FB_ASSIGN_OR_RETURN(out.committed, ReadBlocks(root.child("CommittedBlocks")));
  FB_ASSIGN_OR_RETURN(out.uncommitted, ReadBlocks(root.child("UncommittedBlocks")));
  return out;
}

}  // namespace forebay::azure
