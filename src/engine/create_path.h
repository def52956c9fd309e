// Path Create: an empty file, or a directory, with its missing parents.
//
// A file replaces a file; a directory that exists keeps what is in it, and takes the new
// properties. Permissions: those asked for less the umask, or the parent's default ACL
// (azure/acl.h); what is replaced keeps its own unless some are given. On a flat account a
// directory is an empty blob with the metadata hdi_isfolder, and there is no access control.
// Errors: kContainerNotFound, kConditionNotMet, kBlobAlreadyExists (If-None-Match: *),
// kPathConflict (file and directory of one name, a parent that is a file),
// kHierarchicalNamespaceNotEnabled, kBlobArchived, kNoSpace, those of a lease.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/acl.h"
#include "azure/conditions.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// When a file expires, as a request says it (x-ms-expiry-option).
struct ExpiryRequest {
  enum class From : std::uint8_t { kNever, kNow, kCreation, kAbsolute };
  From from = From::kNever;
  std::chrono::milliseconds after{0};  // of kNow, kCreation
  WallTime at;                         // of kAbsolute

  std::optional<WallTime> Resolve(WallTime now, WallTime created) const;
};

struct CreatePathRequest {
  BlobTarget target;
  azure::Conditions conditions;
  BlobAttributes attributes;
  bool directory = false;
  std::optional<std::uint16_t> mode;
  std::optional<std::uint16_t> umask;
  std::vector<azure::AclEntry> acl;  // empty: none given; not with `mode`
  std::string owner, group;          // empty: not given
  ExpiryRequest expiry;
  // A lease to take on the new path; empty: none.
  std::string proposed_lease_id;
  std::int32_t lease_seconds = 0;

  bool has_access() const {
    return mode || umask || !acl.empty() || !owner.empty() || !group.empty();
  }
};

Task<Changed> CreatePath(Services& services, OpContext context, CreatePathRequest request);

}  // namespace forebay::engine
