// The names of a container: one interface over two layouts.
//
// *flat*: every name is one key; there are no directories, and `a`, `a/` and `a/b` coexist.
// *hierarchical*: an entry for each path component; missing parents are made, a directory cannot be
// where a blob is (kPathConflict), and a listing goes pre-order by component: a directory, then
// what is in it, then its next sibling.
// Stateless and thread safe; what it reads and writes is the Reader's or Transaction's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kv/store.h"
#include "meta/id_source.h"
#include "meta/records.h"

namespace forebay::meta {

// Walks a container's names in listing order. Not thread safe; must not outlive its Reader.
class NameCursor {
 public:
  virtual ~NameCursor() = default;
  // To the first name at or after `name`.
  virtual void Seek(std::string_view name) = 0;
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  // Past every name that starts with `prefix`. The cursor is valid, and its current name starts
  // with `prefix` or is the directory that `prefix` names with a slash at its end.
  virtual void SkipPrefix(std::string_view prefix) = 0;
  // Full name; a directory's has no trailing slash.
  virtual const std::string& name() const = 0;
  virtual Result<BlobRecord> record() const = 0;
  // Check it when the cursor is no longer valid: kWouldBlock, kIo, kCorruption.
  virtual Result<> status() const = 0;
};

class Namespace {
 public:
  virtual ~Namespace() = default;

  // The name as this layout stores it: hierarchical containers drop a trailing slash and refuse
  // empty, "." and ".." components (kInvalidResourceName); flat ones take every name. The other
  // functions take names in this form; `List` and its cursor take any text.
  virtual Result<std::string> Normalize(std::string_view name) const = 0;

  // nullopt when nothing has that name. Hierarchical: also when a parent is a blob.
  virtual Result<std::optional<BlobRecord>> Find(const kv::Reader& reader, ContainerId container,
                                                 std::string_view name) const = 0;
  // Creates or replaces the record. Hierarchical: creates missing parents with `record.modified` as
  // their time and `record.etag` as their ETag. kPathConflict when a parent is a blob, or a
  // directory would become a blob. A record with `directory` set makes a directory of that inode,
  // which is new; a directory that exists already keeps its inode, whatever the record says.
  virtual Result<> Put(kv::Transaction& txn, ContainerId container, std::string_view name,
                       const BlobRecord& record, IdSource& ids) const = 0;
  // Removes the record, which exists. kDirectoryNotEmpty for a directory with entries.
  virtual Result<> Erase(kv::Transaction& txn, ContainerId container,
                         std::string_view name) const = 0;
  // All names that start with `prefix`, from the first one.
  virtual std::unique_ptr<NameCursor> List(const kv::Reader& reader, ContainerId container,
                                           std::string_view prefix) const = 0;
};

const Namespace& FlatNamespace();
const Namespace& HierarchicalNamespace();
inline const Namespace& NamespaceOf(const ContainerRecord& container) {
  return container.hierarchical ? HierarchicalNamespace() : FlatNamespace();
}

}  // namespace forebay::meta
