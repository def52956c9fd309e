// Names of nodes: create, link, remove, rename as a POSIX file system means them
// (docs/posix-extensions.md). Each is one transaction.
//
// Errors: those of engine/node.h; kPathAlreadyExists, kIsADirectory, kNotADirectory,
// kDirectoryNotEmpty, kOperationNotPermitted, kTooManyLinks, kInvalidRenameSourcePath,
// kSessionExpired, kUnsupported (what a lake cannot hold), kConditionNotMet, those of a lease,
// kInsufficientAccountPermissions (attached read-only), kPendingCopyOperation, kNoSpace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/byte_stream.h"
#include "async/context.h"
#include "azure/posix.h"
#include "engine/node.h"
#include "engine/services.h"

namespace forebay::engine {

inline constexpr std::uint32_t kMaxLinks = 65'000;
inline constexpr std::size_t kMaxCreateBytes = 256 << 10;

// What a change did. `token` in the requests: the same change under the same token is done once; a
// repeat within kTokenLife answers with `repeated`.
struct NodeChange {
  azure::PosixAttributes attributes;
  bool created = false;
  bool repeated = false;
  std::int64_t changed = 0;  // the directories' new time, nanoseconds; 0: nothing changed now
};

struct CreateNodeRequest {
  NodeTarget target;
  azure::PosixChanges set;
  std::uint16_t umask = 0;
  bool exclusive = true;       // else a regular file that is there is answered as it is,
  bool truncate = false;       // or with length 0
  BodyReader* body = nullptr;  // the content of a regular file, at most kMaxCreateBytes
  std::uint64_t session = 0;   // which holds the file from the start; 0: none
  std::string token;
  bool lazy = false;  // acknowledged before it is durable, where that may be (engine/lazy.h)
};
Task<NodeChange> CreateNode(Services& services, OpContext context, CreateNodeRequest request);

struct LinkNodeRequest {
  NodeTarget target;      // the new name
  meta::InodeId from;     // the file
  std::string from_path;  // where it is, if it has no place of its own; may be empty
  std::string token;
  bool lazy = false;
};
Task<NodeChange> LinkNode(Services& services, OpContext context, LinkNodeRequest request);

struct RemoveNodeRequest {
  NodeTarget target;
  bool directory = false;
  std::string token;
  bool lazy = false;
};
// The attributes afterwards: `nlink` 0 once no name is left.
Task<NodeChange> RemoveNode(Services& services, OpContext context, RemoveNodeRequest request);

enum class RenameMode : std::uint8_t { kReplace, kNoReplace, kExchange };
struct RenameNodeRequest {
  NodeTarget source;
  NodeTarget target;
  RenameMode mode = RenameMode::kReplace;
  std::string token;
  bool lazy = false;
};
Task<NodeChange> RenameNode(Services& services, OpContext context, RenameNodeRequest request);

// In a transaction: whether a change was done under the token (empty: never), and that it is now.
Result<bool> WasDone(const kv::Reader& reader, meta::ContainerId container,
                     const std::string& token);
void NoteDone(kv::Transaction& txn, meta::ContainerId container, const std::string& token,
              WallTime now);

}  // namespace forebay::engine
