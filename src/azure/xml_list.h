// The documents of List Containers, List Blobs and Find Blobs by Tags, written entry by entry.
//
// Each writer is used once, by one thread: construct, add in order, Finish. Documents: the response
// bodies of the REST reference's pages, with the elements in Azure's order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/acl.h"
#include "azure/names.h"
#include "azure/permissions.h"
#include "azure/properties.h"
#include "azure/xml_write.h"

namespace forebay::azure {

// The `include` parameter of List Blobs.
struct ListBlobsInclude {
  bool snapshots = false, metadata = false, uncommitted = false, copy = false, deleted = false,
       tags = false, versions = false, deleted_with_versions = false, immutability_policy = false,
       legal_hold = false, permissions = false;
  bool residency = false;  // our own word: ForebayResidency and ForebayResidentBytes
};
// "metadata,tags"; kInvalidQueryParameterValue for a word nobody knows.
Result<ListBlobsInclude> ParseListBlobsInclude(std::string_view text);

// What the request said; echoed at the head of the answer.
struct ListEcho {
  std::string service_endpoint;  // "http://127.0.0.1:10000/devstoreaccount1/"
  std::string container;         // List Blobs
  std::optional<std::string> prefix, marker, delimiter, start_from;
  std::optional<std::uint64_t> max_results;
  AccessTier default_tier = AccessTier::kHot;  // what an inferred tier is shown as
};

struct ListedBlob {
  BlobName name;
  std::string snapshot;    // ticks text; empty for the base blob
  std::string version_id;  // empty without versioning
  bool is_current_version = false;
  bool deleted = false;
  bool has_versions_only = false;
  // Only blocks are there: no dates, no ETag, no headers, no metadata.
  bool uncommitted = false;
  BlobProperties properties;
  std::optional<AccessControl> access = {};  // hierarchical accounts, where it was asked for
  Metadata metadata;
  Tags tags;
  // Of containers with a lake: "local", "both", "lake" or "partial". Empty: not said.
  std::string_view residency = {};
  std::uint64_t resident_bytes = 0;
};

class ListBlobsWriter {
 public:
  ListBlobsWriter(const ListEcho& echo, const ListBlobsInclude& include);
  void AddBlob(const ListedBlob& blob);
  // `properties` for hierarchical accounts, whose prefixes are directories; null otherwise. So is
  // `access` where nobody asked for it.
  void AddPrefix(std::string_view prefix, const BlobProperties* properties = nullptr,
                 const AccessControl* access = nullptr);
  // `next_marker` empty: the listing is complete.
  std::string Finish(std::string_view next_marker);
  std::size_t size() const { return xml_.size(); }

 private:
  XmlBuilder xml_;
  ListBlobsInclude include_;
  AccessTier default_tier_;
};

struct ListedContainer {
  ContainerName name;
  WallTime last_modified;
  ETag etag;
  LeaseState lease = LeaseState::kAvailable;
  bool lease_infinite = false;
  PublicAccess public_access = PublicAccess::kNone;
  Metadata metadata;
  bool deleted = false;
  std::string version;  // of a deleted container
  std::optional<WallTime> deleted_time;
  std::optional<std::uint32_t> remaining_retention_days;
};

class ListContainersWriter {
 public:
  ListContainersWriter(const ListEcho& echo, bool include_metadata);
  void Add(const ListedContainer& container);
  std::string Finish(std::string_view next_marker);

 private:
  XmlBuilder xml_;
  bool include_metadata_;
};

class FindBlobsWriter {
 public:
  FindBlobsWriter(const ListEcho& echo, std::string_view where);
  // `matching` holds the tags that the expression names.
  void Add(const ContainerName& container, const BlobName& blob, const Tags& matching);
  std::string Finish(std::string_view next_marker);

 private:
  XmlBuilder xml_;
};

}  // namespace forebay::azure
