// The hierarchical layout: an entry a path component, directories found by inode.
#include "base/codec.h"
#include "meta/hierarchical_cursor.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/path.h"

namespace forebay::meta {
namespace {

Result<std::optional<BlobRecord>> FindEntry(const kv::Reader& reader, const std::string& key) {
  FB_ASSIGN_OR_RETURN(auto value, reader.Get(key));
  if (!value) return std::optional<BlobRecord>();
  FB_ASSIGN_OR_RETURN(BlobRecord record, DecodeBlob(*value));
  return std::optional<BlobRecord>(std::move(record));
}

Error ConflictError(std::string_view path, std::string_view what) {
  return Error(Code::kPathConflict, "The path '" + std::string(path) + "' " + std::string(what));
}

// The directory that the last component lies in: unset when it is missing or a blob.
Result<std::optional<InodeId>> FindParent(const kv::Reader& reader, ContainerId container,
                                          const std::vector<std::string_view>& components) {
  InodeId inode = kRootInode;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    FB_ASSIGN_OR_RETURN(auto entry,
                        FindEntry(reader, keys::Entry(container, inode, components[i])));
    if (!entry || !entry->directory) return std::optional<InodeId>();
    inode = *entry->directory;
  }
  return std::optional<InodeId>(inode);
}

Result<InodeId> MakeDirectory(kv::Transaction& txn, ContainerId container, InodeId parent,
                              std::string_view component, const BlobRecord& cause, IdSource& ids) {
  BlobRecord record;
  FB_ASSIGN_OR_RETURN(const std::uint64_t id, ids.Next());
  FB_ASSIGN_OR_RETURN(const std::uint64_t inode, ids.Next());
  record.id = BlobId(id);
  record.directory = InodeId(inode);
  record.created = cause.modified;
  record.modified = cause.modified;
  record.etag = cause.etag;
  txn.Put(keys::Entry(container, parent, component), Encode(record));
  txn.Put(keys::Directory(InodeId(inode)),
          Encode(DirectoryRecord{container, parent, std::string(component)}));
  return InodeId(inode);
}

class Hierarchical final : public Namespace {
 public:
  Result<std::string> Normalize(std::string_view name) const override {
    if (name.ends_with('/')) name.remove_suffix(1);
    for (const std::string_view component : SplitPath(name)) {
      if (component.empty() || component == "." || component == "..") {
        return Fail(Code::kInvalidResourceName,
                    "In a hierarchical account no part of a path may be empty, '.' or '..'.");
      }
    }
    return std::string(name);
  }

  Result<std::optional<BlobRecord>> Find(const kv::Reader& reader, ContainerId container,
                                         std::string_view name) const override {
    const auto components = SplitPath(name);
    FB_ASSIGN_OR_RETURN(auto parent, FindParent(reader, container, components));
    if (!parent) return std::optional<BlobRecord>();
    FB_ASSIGN_OR_RETURN(auto entry,
                        FindEntry(reader, keys::Entry(container, *parent, components.back())));
    if (!entry || !entry->node.link) return entry;
    FB_ASSIGN_OR_RETURN(BlobRecord record, ResolveLink(reader, container, std::move(*entry)));
    return std::optional(std::move(record));
  }

  Result<> Put(kv::Transaction& txn, ContainerId container, std::string_view name,
               const BlobRecord& record, IdSource& ids) const override {
    const auto components = SplitPath(name);
    InodeId parent = kRootInode;
    std::size_t path_bytes = 0;
    for (std::size_t i = 0; i + 1 < components.size(); ++i) {
      path_bytes += components[i].size();
      FB_ASSIGN_OR_RETURN(auto entry,
                          FindEntry(txn, keys::Entry(container, parent, components[i])));
      if (!entry) {
        FB_ASSIGN_OR_RETURN(parent,
                            MakeDirectory(txn, container, parent, components[i], record, ids));
      } else if (!entry->directory) {
        return Fail(ConflictError(name.substr(0, path_bytes), "is a blob, not a directory."));
      } else {
        parent = *entry->directory;
      }
      ++path_bytes;  // the slash
    }
    return PutEntry(txn, container, parent, components.back(), name, record);
  }

  Result<> Erase(kv::Transaction& txn, ContainerId container,
                 std::string_view name) const override {
    const auto components = SplitPath(name);
    FB_ASSIGN_OR_RETURN(auto parent, FindParent(txn, container, components));
    if (!parent) return {};
    const std::string key = keys::Entry(container, *parent, components.back());
    FB_ASSIGN_OR_RETURN(auto entry, FindEntry(txn, key));
    if (entry && entry->directory) {
      const std::string entries = keys::EntriesOf(container, *entry->directory);
      const auto scan = txn.Scan(entries, PrefixEnd(entries));
      if (scan->Valid()) {
        return Fail(Code::kDirectoryNotEmpty, "The directory is not empty.");
      }
      FB_RETURN_IF_ERROR(scan->status());
      txn.Erase(keys::Directory(*entry->directory));
      txn.Erase(keys::DirectoryTime(container, *entry->directory));
    }
    txn.Erase(key);
    return {};
  }

  std::unique_ptr<NameCursor> List(const kv::Reader& reader, ContainerId container,
                                   std::string_view prefix) const override {
    return std::make_unique<HierarchicalCursor>(reader, container, prefix);
  }

 private:
  static Result<> PutEntry(kv::Transaction& txn, ContainerId container, InodeId parent,
                           std::string_view component, std::string_view name,
                           const BlobRecord& record) {
    const std::string key = keys::Entry(container, parent, component);
    FB_ASSIGN_OR_RETURN(auto existing, FindEntry(txn, key));
    const bool was_directory = existing && existing->directory;
    if (was_directory && !record.directory) {
      return Fail(ConflictError(name, "is a directory, not a blob."));
    }
    if (!existing) TouchDirectory(txn, container, parent, record.modified);
    if (was_directory && record.directory != existing->directory) {
      BlobRecord kept = record;
      kept.directory = existing->directory;
      txn.Put(key, Encode(kept));
      return {};
    }
    if (record.directory && !was_directory) {
      txn.Put(keys::Directory(*record.directory),
              Encode(DirectoryRecord{container, parent, std::string(component)}));
    }
    PutRecord(txn, container, key, record);
    return {};
  }
};

}  // namespace

const Namespace& HierarchicalNamespace() {
  static const Hierarchical instance;
  return instance;
}

}  // namespace forebay::meta
