// Get Status and Get Access Control of a path, the root of a file system among them; and what the
// Data Lake API's Set Properties, Set Access Control and Set Expiry change.
//
// Access control and expiry exist on hierarchical accounts (kHierarchicalNamespaceNotEnabled).
// Setting them keeps ETag and Last-Modified. Errors: kContainerNotFound, kBlobNotFound,
// kConditionNotMet, kNotModified, kInvalidInput, kInvalidHeaderValue (azure/acl.h), those of a
// lease.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/acl.h"
#include "azure/conditions.h"
#include "engine/create_path.h"
#include "engine/flush_path.h"
#include "engine/residency.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// A path of a container; `path` empty: the root directory.
struct PathTarget {
  ContainerTarget container;
  std::optional<azure::BlobName> path;
};

struct PathStatus {
  bool hierarchical = false;
  meta::BlobRecord record;  // of the root: made up from the container's
  azure::AccessControl access;
  std::optional<Resident> resident = {};  // of a file in a container with a lake
};
Task<PathStatus> GetPathStatus(Services& services, OpContext context, PathTarget target,
                               azure::Conditions conditions);

struct SetPathAccessRequest {
  PathTarget target;
  azure::Conditions conditions;
  std::optional<std::string> owner;
  std::optional<std::string> group;
  std::optional<std::uint16_t> mode;
  std::vector<azure::AclEntry> acl;  // empty: none given; not with `mode`
};
Task<Changed> SetPathAccess(Services& services, OpContext context, SetPathAccessRequest request);

struct SetPathPropertiesRequest {
  BlobTarget target;
  azure::Conditions conditions;
  azure::Metadata metadata;
  HttpHeaderChanges http;
};
// Makes a new ETag.
Task<Changed> SetPathProperties(Services& services, OpContext context,
                                SetPathPropertiesRequest request);

struct SetPathExpiryRequest {
  BlobTarget target;
  azure::Conditions conditions;
  ExpiryRequest expiry;
};
Task<Changed> SetPathExpiry(Services& services, OpContext context, SetPathExpiryRequest request);

}  // namespace forebay::engine
