#include "meta/hierarchy.h"

#include <algorithm>

#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/path.h"

namespace forebay::meta {
namespace {

Result<std::optional<InodeId>> ParentOf(const kv::Reader& reader, ContainerId container,
                                        std::string_view name) {
  const auto components = SplitPath(name);
  InodeId inode = kRootInode;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    FB_ASSIGN_OR_RETURN(auto value, reader.Get(keys::Entry(container, inode, components[i])));
    if (!value) return std::optional<InodeId>();
    FB_ASSIGN_OR_RETURN(const BlobRecord record, DecodeBlob(*value));
    if (!record.directory) return std::optional<InodeId>();
    inode = *record.directory;
  }
  return std::optional<InodeId>(inode);
}

std::string_view LastComponent(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

Error Vanished() { return Error(Code::kPathNotFound, "The specified path does not exist."); }

}  // namespace

Result<std::optional<std::string>> EntryKeyOf(const kv::Reader& reader, ContainerId container,
                                              std::string_view name) {
  FB_ASSIGN_OR_RETURN(auto parent, ParentOf(reader, container, name));
  if (!parent) return std::optional<std::string>();
  return std::optional(keys::Entry(container, *parent, LastComponent(name)));
}

Result<> MoveEntry(kv::Transaction& txn, const EntryMove& move, const BlobRecord& record) {
  FB_ASSIGN_OR_RETURN(auto from, EntryKeyOf(txn, move.from_container, move.from));
  FB_ASSIGN_OR_RETURN(auto parent, ParentOf(txn, move.to_container, move.to));
  if (!from || !parent) return Fail(Vanished());
  const std::string_view component = LastComponent(move.to);
  FB_RETURN_IF_ERROR(TouchParent(txn, move.from_container, move.from, move.now));
  TouchDirectory(txn, move.to_container, *parent, move.now);
  txn.Erase(*from);
  PutRecord(txn, move.to_container, keys::Entry(move.to_container, *parent, component), record);
  if (record.node.placed && !record.node.apart) {
    if (move.from_container != move.to_container) {
      txn.Erase(keys::Place(move.from_container, InodeOf(record)));
    }
    txn.Put(keys::Place(move.to_container, InodeOf(record)),
            Encode(DirectoryRecord{move.to_container, *parent, std::string(component)}));
  }
  if (record.directory) {
    txn.Put(keys::Directory(*record.directory),
            Encode(DirectoryRecord{move.to_container, *parent, std::string(component)}));
  }
  return {};
}

Result<> TouchParent(kv::Transaction& txn, ContainerId container, std::string_view name,
                     WallTime now) {
  FB_ASSIGN_OR_RETURN(auto parent, ParentOf(txn, container, name));
  if (parent) TouchDirectory(txn, container, *parent, now);
  return {};
}

Result<> DetachDirectory(kv::Transaction& txn, ContainerId container, std::string_view name,
                         InodeId inode) {
  FB_ASSIGN_OR_RETURN(auto key, EntryKeyOf(txn, container, name));
  if (!key) return Fail(Vanished());
  txn.Erase(*key);
  txn.Erase(keys::Directory(inode));
  txn.Erase(keys::DirectoryTime(container, inode));
  txn.Put(keys::GarbageDirectory(inode),
          Encode(DirectoryRecord{container, kRootInode, std::string(LastComponent(name))}));
  return {};
}

Result<> NoteExpiry(kv::Transaction& txn, ContainerId container, std::string_view name,
                    WallTime expires) {
  FB_ASSIGN_OR_RETURN(auto key, EntryKeyOf(txn, container, name));
  if (!key) return Fail(Vanished());
  const auto ticks = static_cast<std::uint64_t>(std::max<std::int64_t>(expires.ticks, 0));
  txn.Put(keys::Expiry(ticks, *key), "");
  return {};
}

}  // namespace forebay::meta
