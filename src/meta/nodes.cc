#include "meta/nodes.h"

#include <vector>

#include "meta/keys.h"
#include "meta/node_keys.h"

namespace forebay::meta {
namespace {

// A path of 4,096 bytes has no more components.
constexpr int kMaxDepth = 2100;

Result<std::optional<DirectoryRecord>> PlaceOf(const kv::Reader& reader, ContainerId container,
                                               InodeId inode) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Directory(inode)));
  if (!stored) {
    FB_ASSIGN_OR_RETURN(stored, reader.Get(keys::Place(container, inode)));
  }
  if (!stored) return std::optional<DirectoryRecord>();
  FB_ASSIGN_OR_RETURN(DirectoryRecord place, DecodeDirectory(*stored));
  // Numbers are the store's: this one may be another container's.
  if (place.container != container) return std::optional<DirectoryRecord>();
  return std::optional(std::move(place));
}

}  // namespace

InodeId InodeOf(const BlobRecord& record) {
  return record.directory ? *record.directory : InodeId(record.id.value());
}

Result<BlobRecord> ResolveLink(const kv::Reader& reader, ContainerId container, BlobRecord entry) {
  if (!entry.node.link) return entry;
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Node(container, InodeOf(entry))));
  if (!stored) {
    return Fail(Code::kCorruption, "A link leads to the file " + std::to_string(entry.id.value()) +
                                       ", which is not there.");
  }
  return DecodeBlob(*stored);
}

BlobRecord LinkTo(const BlobRecord& record) {
  BlobRecord link;
  link.id = record.id;
  link.created = record.created;
  link.modified = record.created;
  link.node.link = true;
  return link;
}

void PutRecord(kv::Transaction& txn, ContainerId container, const std::string& entry_key,
               const BlobRecord& record) {
  if (!record.node.apart) {
    txn.Put(entry_key, Encode(record));
    return;
  }
  txn.Put(keys::Node(container, InodeOf(record)), Encode(record));
  if (!entry_key.empty()) txn.Put(entry_key, Encode(LinkTo(record)));
}

Result<std::optional<std::string>> PathIn(const kv::Reader& reader, ContainerId container,
                                          InodeId directory, std::string_view component) {
  std::vector<std::string> names;
  InodeId inode = directory;
  for (int depth = 0; inode != kRootInode; ++depth) {
    if (depth == kMaxDepth) return Fail(Code::kCorruption, "A directory lies within itself.");
    FB_ASSIGN_OR_RETURN(auto place, PlaceOf(reader, container, inode));
    if (!place) return std::optional<std::string>();
    names.push_back(std::move(place->name));
    inode = place->parent;
  }
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) path += *name + "/";
  path += component;
  return std::optional(std::move(path));
}

Result<std::optional<Location>> LocationOf(const kv::Reader& reader, ContainerId container,
                                           InodeId inode) {
  FB_ASSIGN_OR_RETURN(auto place, PlaceOf(reader, container, inode));
  if (!place) return std::optional<Location>();
  FB_ASSIGN_OR_RETURN(auto path, PathIn(reader, container, place->parent, place->name));
  if (!path) return std::optional<Location>();
  Location location;
  location.parent = place->parent;
  location.entry_key = keys::Entry(container, place->parent, place->name);
  location.component = std::move(place->name);
  location.path = std::move(*path);
  return std::optional(std::move(location));
}

void TouchDirectory(kv::Transaction& txn, ContainerId container, InodeId directory, WallTime now) {
  txn.Max(keys::DirectoryTime(container, directory), Nanoseconds(now));
}

Result<std::optional<std::int64_t>> DirectoryTimeOf(const kv::Reader& reader, ContainerId container,
                                                    InodeId directory) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::DirectoryTime(container, directory)));
  if (!stored) return std::optional<std::int64_t>();
  return std::optional(kv::CounterValue(stored));
}

}  // namespace forebay::meta
