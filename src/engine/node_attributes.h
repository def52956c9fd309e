// What nodes are: stat, listings with all attributes, changes of them, extended attributes
// (docs/posix-extensions.md).
//
// Changing attributes keeps ETag and Last-Modified, which are the content's; ctime tells. Errors:
// those of engine/node.h, kConditionNotMet, those of a lease, kInvalidHeaderValue (azure/acl.h),
// kAttributeNotFound, kResourceAlreadyExists, kAttributeTooLarge, kInvalidInput,
// kInsufficientAccountPermissions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/acl.h"
#include "azure/posix.h"
#include "engine/node.h"
#include "engine/services.h"

namespace forebay::engine {

inline constexpr std::size_t kMaxXattrBytes = 64 << 10;
inline constexpr std::size_t kMaxXattrs = 256;          // of a node
inline constexpr std::size_t kMaxXattrTotal = 1 << 20;  // bytes, names and values

struct NodeStatus {
  azure::PosixAttributes attributes;
  WallTime modified;
};
Task<NodeStatus> StatNode(Services& services, OpContext context, NodeTarget target);

struct ListNodesRequest {
  NodeTarget directory;
  std::string after;  // goes on behind this name, whether it is there or not
  std::size_t max_results = 5000;
};
struct ListNodesResult {
  std::vector<azure::PosixAttributes> entries;  // in byte order of names
  bool more = false;
};
Task<ListNodesResult> ListNodes(Services& services, OpContext context, ListNodesRequest request);

struct SetNodeRequest {
  NodeTarget target;
  azure::PosixChanges set;           // no kind, device or target
  std::vector<azure::AclEntry> acl;  // empty: stays
  bool lazy = false;                 // acknowledged before it is durable (engine/lazy.h)
};
Task<azure::PosixAttributes> SetNode(Services& services, OpContext context, SetNodeRequest request);

enum class XattrMode : std::uint8_t { kSet, kCreate, kReplace };
struct XattrEntry {
  std::string name;
  std::size_t size = 0;
};
Task<std::vector<XattrEntry>> ListXattrs(Services& services, OpContext context, NodeTarget target);
Task<std::string> GetXattr(Services& services, OpContext context, NodeTarget target,
                           std::string name);
Task<> SetXattr(Services& services, OpContext context, NodeTarget target, std::string name,
                std::string value, XattrMode mode, bool lazy = false);
Task<> RemoveXattr(Services& services, OpContext context, NodeTarget target, std::string name,
                   bool lazy = false);

}  // namespace forebay::engine
