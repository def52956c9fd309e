// What moves and removes whole subtrees of the hierarchical layout in a few keys: entries hang
// under inodes, so a directory takes along what is in it. Inside a transaction; thread safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kv/store.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::meta {

// The key that the entry of this name has or would have; nullopt when its parent is missing or a
// blob. Names are normalized ones.
Result<std::optional<std::string>> EntryKeyOf(const kv::Reader& reader, ContainerId container,
                                              std::string_view name);

// Moves what is at `from`, which exists, to `to`, where nothing is and whose parent exists, as
// `record`. O(1), whatever a directory holds. Between containers only blobs move.
struct EntryMove {
  ContainerId from_container;
  std::string from;
  ContainerId to_container;
  std::string to;
  WallTime now{};  // when both directories change
};
Result<> MoveEntry(kv::Transaction& txn, const EntryMove& move, const BlobRecord& record);

// An entry of this name came or went at `now`: the time of the directory that it is in.
Result<> TouchParent(kv::Transaction& txn, ContainerId container, std::string_view name,
                     WallTime now);

// Takes the directory, which exists, out of the namespace with all that is in it. O(1): the sweeper
// empties it (keys::GarbageDirectory).
Result<> DetachDirectory(kv::Transaction& txn, ContainerId container, std::string_view name,
                         InodeId inode);

// Notes that the entry expires, for the sweeper; an outdated note does no harm.
Result<> NoteExpiry(kv::Transaction& txn, ContainerId container, std::string_view name,
                    WallTime expires);

}  // namespace forebay::meta
