// Files as nodes: their numbers, several names of one file, and where a number's entry hangs.
//
// A file's number is its blob id, a directory's the inode that its entries hang under. A file with
// one name has its record where every blob has it. The second name takes the record apart: it lies
// at keys::Node from then on, and each name is a link entry that carries the number only.
// `Namespace` resolves links, so everything above sees the file's record under each of its names.
// Inside a transaction or on a snapshot; thread safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kv/store.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::meta {

InodeId InodeOf(const BlobRecord& record);

// The record that the entry stands for: itself, or what the link leads to. kCorruption for a link
// to nothing.
Result<BlobRecord> ResolveLink(const kv::Reader& reader, ContainerId container, BlobRecord entry);
// The entry of a file whose record is apart.
BlobRecord LinkTo(const BlobRecord& record);

// Puts the record of something that has (or is to have) its entry at `entry_key`: there, or apart
// with a link there. `entry_key` empty: it has no name.
void PutRecord(kv::Transaction& txn, ContainerId container, const std::string& entry_key,
               const BlobRecord& record);

// Where something hangs, walked up from its parent directory to the root.
struct Location {
  InodeId parent;
  std::string component;
  std::string entry_key;
  std::string path;  // from the root, without a slash in front
};
// Of a directory (not the root), or of a file with a place; nullopt: it has none, or a directory
// above it is deleted.
Result<std::optional<Location>> LocationOf(const kv::Reader& reader, ContainerId container,
                                           InodeId inode);
// The path of what is called `component` in the directory; nullopt as above.
Result<std::optional<std::string>> PathIn(const kv::Reader& reader, ContainerId container,
                                          InodeId directory, std::string_view component);

// Something in the directory came, went, or was renamed at `now`: its mtime and ctime.
void TouchDirectory(kv::Transaction& txn, ContainerId container, InodeId directory, WallTime now);
// Nanoseconds; nullopt: not since the directory was made.
Result<std::optional<std::int64_t>> DirectoryTimeOf(const kv::Reader& reader, ContainerId container,
                                                    InodeId directory);

inline std::int64_t Nanoseconds(WallTime time) { return time.ticks * 100; }

}  // namespace forebay::meta
