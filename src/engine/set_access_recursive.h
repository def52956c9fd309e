// Set Access Control Recursive: sets, changes or removes ACL entries of a path and all below it.
//
// Pages: a call changes up to `max_records` paths and tells where the next goes on. Each path
// changes atomically, the tree does not, as in Azure. Default entries go to directories only.
// Errors: kContainerNotFound, kBlobNotFound, kHierarchicalNamespaceNotEnabled, kInvalidHeaderValue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/acl.h"
#include "engine/path_status.h"
#include "engine/services.h"

namespace forebay::engine {

enum class AclChange : std::uint8_t { kSet, kModify, kRemove };

struct SetAccessRecursiveRequest {
  PathTarget target;
  AclChange change = AclChange::kSet;
  std::vector<azure::AclEntry> entries;
  std::string start;               // `next` of the call before; empty: from the path itself
  std::size_t max_records = 2000;  // 1 to 2,000
};
struct SetAccessRecursiveResult {
  std::uint64_t directories = 0;
  std::uint64_t files = 0;
  std::string next;  // empty: done
};

Task<SetAccessRecursiveResult> SetAccessRecursive(Services& services, OpContext context,
                                                  SetAccessRecursiveRequest request);

}  // namespace forebay::engine
