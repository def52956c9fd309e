#include "azure/xml_list.h"

#include <fmt/format.h>

#include <array>

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "azure/wire.h"
#include "base/bytes.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

struct IncludeWord {
  std::string_view word;
  bool ListBlobsInclude::* member;
};
constexpr auto kIncludeWords = std::to_array<IncludeWord>({
    {"snapshots", &ListBlobsInclude::snapshots},
    {"metadata", &ListBlobsInclude::metadata},
    {"uncommittedblobs", &ListBlobsInclude::uncommitted},
    {"copy", &ListBlobsInclude::copy},
    {"deleted", &ListBlobsInclude::deleted},
    {"tags", &ListBlobsInclude::tags},
    {"versions", &ListBlobsInclude::versions},
    {"deletedwithversions", &ListBlobsInclude::deleted_with_versions},
    {"immutabilitypolicy", &ListBlobsInclude::immutability_policy},
    {"legalhold", &ListBlobsInclude::legal_hold},
    {"permissions", &ListBlobsInclude::permissions},
    {"residency", &ListBlobsInclude::residency},
});

void WriteEcho(XmlBuilder& xml, const ListEcho& echo) {
  if (echo.prefix) xml.Element("Prefix", *echo.prefix);
  if (echo.marker) xml.Element("Marker", *echo.marker);
  if (echo.start_from) xml.Element("StartFrom", *echo.start_from);
  if (echo.max_results) xml.Element("MaxResults", *echo.max_results);
  if (echo.delimiter) xml.Element("Delimiter", *echo.delimiter);
}

void WriteMetadata(XmlBuilder& xml, const Metadata& metadata) {
  if (metadata.empty()) {
    xml.Empty("Metadata");
    return;
  }
  xml.Open("Metadata");
  for (const auto& [name, value] : metadata) xml.Element(name, value);
  xml.Close("Metadata");
}

void WriteTags(XmlBuilder& xml, const Tags& tags) {
  xml.Open("Tags").Open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.Open("Tag").Element("Key", key).Element("Value", value).Close("Tag");
  }
  xml.Close("TagSet").Close("Tags");
}

std::string ContentMd5(const BlobProperties& properties) {
  return properties.http.content_md5.empty() ? std::string()
                                             : Base64Encode(AsBytes(properties.http.content_md5));
}

void WriteContent(XmlBuilder& xml, const BlobProperties& p) {
  xml.Element("Content-Length", p.length)
      .Element("Content-Type", p.http.content_type)
      .Element("Content-Encoding", p.http.content_encoding)
      .Element("Content-Language", p.http.content_language)
      .Empty("Content-CRC64")
      .Element("Content-MD5", ContentMd5(p))
      .Element("Cache-Control", p.http.cache_control)
      .Element("Content-Disposition", p.http.content_disposition);
}

std::string ArchiveStatus(AccessTier target) {
  return "rehydrate-pending-to-" + ToLowerAscii(AccessTierName(target));
}

void WriteTier(XmlBuilder& xml, const BlobProperties& p, AccessTier default_tier) {
  if (p.type != BlobType::kBlock) return;
  xml.Element("AccessTier", AccessTierName(p.tier_inferred ? default_tier : p.tier));
  if (p.tier_inferred) xml.Element("AccessTierInferred", true);
  if (p.rehydrating_to) {
    xml.Element("ArchiveStatus", ArchiveStatus(*p.rehydrating_to));
    xml.Element("RehydratePriority", RehydratePriorityName(p.rehydrate_priority));
  }
  if (p.tier_changed) xml.Element("AccessTierChangeTime", FormatHttpDate(*p.tier_changed));
}

void WriteLease(XmlBuilder& xml, LeaseState state, bool infinite) {
  xml.Element("LeaseStatus", LeaseStatusName(state)).Element("LeaseState", LeaseStateName(state));
  if (state == LeaseState::kLeased) {
    xml.Element("LeaseDuration", infinite ? "infinite" : "fixed");
  }
}

void WriteCopy(XmlBuilder& xml, const CopyState& copy) {
  if (copy.status == CopyStatus::kNone) return;
  xml.Element("CopyId", copy.id)
      .Element("CopyStatus", CopyStatusName(copy.status))
      .Element("CopySource", copy.source)
      .Element("CopyProgress", fmt::format("{}/{}", copy.bytes_copied, copy.bytes_total));
  if (copy.completed) xml.Element("CopyCompletionTime", FormatHttpDate(*copy.completed));
  xml.ElementIf("CopyStatusDescription", copy.description);
}

// Acl has the access entries and the default ones in one list.
void WriteAccess(XmlBuilder& xml, const AccessControl& access) {
  xml.Element("Owner", access.owner)
      .Element("Group", access.group)
      .Element("Permissions", FormatPermissions(access))
      .Element("Acl", FormatAcl(access));
}

struct PropertiesStyle {
  bool with_copy = false;
  AccessTier default_tier = AccessTier::kHot;
  const AccessControl* access = nullptr;  // null: not shown
};

void WriteProperties(XmlBuilder& xml, const BlobProperties& p, const PropertiesStyle& style) {
  xml.Open("Properties")
      .Element("Creation-Time", FormatHttpDate(p.created))
      .Element("Last-Modified", FormatHttpDate(p.last_modified))
      .Element("Etag", p.etag.view());
  if (style.access != nullptr) WriteAccess(xml, *style.access);
  xml.ElementIf("ResourceType", p.resource_type);
  WriteContent(xml, p);
  if (p.sequence_number) xml.Element("x-ms-blob-sequence-number", *p.sequence_number);
  xml.Element("BlobType", BlobTypeName(p.type));
  WriteTier(xml, p, style.default_tier);
  WriteLease(xml, p.lease, p.lease_infinite);
  if (style.with_copy) WriteCopy(xml, p.copy);
  xml.Element("ServerEncrypted", p.server_encrypted);
  if (p.incremental_copy) xml.Element("IncrementalCopy", true);
  if (p.sealed) xml.Element("Sealed", true);
  if (p.deleted_time) xml.Element("DeletedTime", FormatHttpDate(*p.deleted_time));
  if (p.remaining_retention_days) {
    xml.Element("RemainingRetentionDays", std::uint64_t{*p.remaining_retention_days});
  }
  if (p.tag_count > 0) xml.Element("TagCount", p.tag_count);
  if (p.expires) xml.Element("Expiry-Time", FormatHttpDate(*p.expires));
  if (p.last_accessed) xml.Element("LastAccessTime", FormatHttpDate(*p.last_accessed));
  xml.Close("Properties");
}

void WriteUncommitted(XmlBuilder& xml, const BlobProperties& p) {
  xml.Open("Properties")
      .Element("Content-Length", p.length)
      .Element("BlobType", BlobTypeName(p.type));
  WriteLease(xml, p.lease, p.lease_infinite);
  xml.Element("ServerEncrypted", p.server_encrypted).Close("Properties");
}

}  // namespace

Result<ListBlobsInclude> ParseListBlobsInclude(std::string_view text) {
  ListBlobsInclude out;
  std::string_view rest = text;
  while (!rest.empty()) {
    auto comma = rest.find(',');
    std::string_view word = TrimSpace(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    if (word.empty()) continue;
    bool known = false;
    for (const IncludeWord& entry : kIncludeWords) {
      if (!EqualsIgnoreCase(word, entry.word)) continue;
      out.*entry.member = true;
      known = true;
    }
    if (!known) return Fail(InvalidQueryError("include", text, "Invalid query parameter value."));
  }
  return out;
}

ListBlobsWriter::ListBlobsWriter(const ListEcho& echo, const ListBlobsInclude& include)
    : include_(include), default_tier_(echo.default_tier) {
  xml_.Open("EnumerationResults",
            {{"ServiceEndpoint", echo.service_endpoint}, {"ContainerName", echo.container}});
  WriteEcho(xml_, echo);
  xml_.Open("Blobs");
}

void ListBlobsWriter::AddBlob(const ListedBlob& blob) {
  xml_.Open("Blob").NameElement("Name", blob.name.view());
  if (blob.deleted) xml_.Element("Deleted", true);
  xml_.ElementIf("Snapshot", blob.snapshot);
  if (!blob.version_id.empty()) {
    xml_.Element("VersionId", blob.version_id);
    if (blob.is_current_version) xml_.Element("IsCurrentVersion", true);
  }
  if (blob.uncommitted) {
    WriteUncommitted(xml_, blob.properties);
    xml_.Empty("OrMetadata").Close("Blob");
    return;
  }
  WriteProperties(xml_, blob.properties,
                  {.with_copy = include_.copy,
                   .default_tier = default_tier_,
                   .access = blob.access ? &*blob.access : nullptr});
  if (include_.metadata) WriteMetadata(xml_, blob.metadata);
  if (include_.tags && !blob.tags.empty()) WriteTags(xml_, blob.tags);
  if (blob.has_versions_only) xml_.Element("HasVersionsOnly", true);
  if (include_.residency && !blob.residency.empty()) {
    xml_.Element("ForebayResidency", blob.residency)
        .Element("ForebayResidentBytes", blob.resident_bytes);
  }
  xml_.Empty("OrMetadata").Close("Blob");
}

void ListBlobsWriter::AddPrefix(std::string_view prefix, const BlobProperties* properties,
                                const AccessControl* access) {
  xml_.Open("BlobPrefix").NameElement("Name", prefix);
  if (properties != nullptr) {
    WriteProperties(xml_, *properties, {.default_tier = default_tier_, .access = access});
  }
  xml_.Close("BlobPrefix");
}

std::string ListBlobsWriter::Finish(std::string_view next_marker) {
  xml_.Close("Blobs").Element("NextMarker", next_marker).Close("EnumerationResults");
  return xml_.Take();
}

ListContainersWriter::ListContainersWriter(const ListEcho& echo, bool include_metadata)
    : include_metadata_(include_metadata) {
  xml_.Open("EnumerationResults", "ServiceEndpoint", echo.service_endpoint);
  WriteEcho(xml_, echo);
  xml_.Open("Containers");
}

void ListContainersWriter::Add(const ListedContainer& c) {
  xml_.Open("Container").Element("Name", c.name.view());
  if (c.deleted) xml_.Element("Deleted", true);
  xml_.ElementIf("Version", c.version);
  xml_.Open("Properties")
      .Element("Last-Modified", FormatHttpDate(c.last_modified))
      .Element("Etag", QuoteETag(c.etag));
  WriteLease(xml_, c.lease, c.lease_infinite);
  if (c.public_access != PublicAccess::kNone) {
    xml_.Element("PublicAccess",
                 c.public_access == PublicAccess::kContainer ? "container" : "blob");
  }
  xml_.Element("DefaultEncryptionScope", "$account-encryption-key")
      .Element("DenyEncryptionScopeOverride", false)
      .Element("HasImmutabilityPolicy", false)
      .Element("HasLegalHold", false)
      .Element("ImmutableStorageWithVersioningEnabled", false);
  if (c.deleted_time) xml_.Element("DeletedTime", FormatHttpDate(*c.deleted_time));
  if (c.remaining_retention_days) {
    xml_.Element("RemainingRetentionDays", std::uint64_t{*c.remaining_retention_days});
  }
  xml_.Close("Properties");
  if (include_metadata_) WriteMetadata(xml_, c.metadata);
  xml_.Close("Container");
}

std::string ListContainersWriter::Finish(std::string_view next_marker) {
  xml_.Close("Containers").Element("NextMarker", next_marker).Close("EnumerationResults");
  return xml_.Take();
}

FindBlobsWriter::FindBlobsWriter(const ListEcho& echo, std::string_view where) {
  xml_.Open("EnumerationResults", "ServiceEndpoint", echo.service_endpoint);
  xml_.Element("Where", where);
  xml_.Open("Blobs");
}

void FindBlobsWriter::Add(const ContainerName& container, const BlobName& blob,
                          const Tags& matching) {
  xml_.Open("Blob").NameElement("Name", blob.view()).Element("ContainerName", container.view());
  WriteTags(xml_, matching);
  xml_.Close("Blob");
}

std::string FindBlobsWriter::Finish(std::string_view next_marker) {
  xml_.Close("Blobs").Element("NextMarker", next_marker).Close("EnumerationResults");
  return xml_.Take();
}

}  // namespace forebay::azure
