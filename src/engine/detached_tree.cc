#include "engine/detached_tree.h"

#include <utility>
#include <vector>

#include "base/codec.h"
#include "meta/keys.h"
#include "meta/lake_records.h"
#include "meta/records.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Two keys each, in a transaction that holds a thousand and may go on with what is noted.
constexpr std::size_t kEntriesPerStep = 100;

// What was noted since is newer than the record.
Result<> NoteName(kv::Transaction& txn, meta::ContainerId container, meta::BlobId holder,
                  const std::string& name, std::string etag) {
  const std::string key = keys::GoneName(container, holder, name);
  FB_ASSIGN_OR_RETURN(const auto noted, txn.Get(key));
  if (noted) return {};
  meta::NameNote note;
  note.kind = meta::NoteKind::kTombstone;
  note.lake_etag = std::move(etag);
  txn.Put(key, meta::Encode(note));
  return {};
}

Result<> NoteEntry(kv::Transaction& txn, meta::ContainerId container,
                   const meta::DetachedRecord& above, const std::string& component,
                   const meta::BlobRecord& record) {
  const std::string name = above.name + "/" + component;
  // Of a blob that was moved here the lake has nothing under this name; what it replaced has a
  // note.
  const bool there = record.lake && record.lake->name.empty();
  const std::string etag = there ? record.lake->etag : std::string();
  if (record.directory) {
    txn.Put(keys::DetachedDirectory(container, *record.directory),
            meta::Encode(meta::DetachedRecord{.holder = above.holder, .name = name, .after = {}}));
  }
  if (etag.empty() && !record.directory) return {};
  return NoteName(txn, container, above.holder, name, etag);
}

}  // namespace

Result<bool> NoteDetachedStep(kv::Transaction& txn, meta::ContainerId container,
                              meta::InodeId inode) {
  const std::string key = keys::DetachedDirectory(container, inode);
  FB_ASSIGN_OR_RETURN(const auto stored, txn.Get(key));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(meta::DetachedRecord directory, meta::DecodeDetached(*stored));
  std::vector<std::pair<std::string, meta::BlobRecord>> entries;
  {
    const std::string all = keys::EntriesOf(container, inode);
    const std::string from =
        directory.after.empty() ? all : keys::Entry(container, inode, directory.after) + '\0';
    auto it = txn.Scan(from, PrefixEnd(all));
    for (; it->Valid() && entries.size() < kEntriesPerStep; it->Next()) {
      FB_ASSIGN_OR_RETURN(meta::BlobRecord record, meta::DecodeBlob(it->value()));
      entries.emplace_back(keys::ComponentOfEntryKey(it->key()), std::move(record));
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const auto& [component, record] : entries) {
    FB_RETURN_IF_ERROR(NoteEntry(txn, container, directory, component, record));
  }
  if (entries.size() < kEntriesPerStep) {
    txn.Erase(key);
    return true;
  }
  directory.after = entries.back().first;
  txn.Put(key, meta::Encode(directory));
  return false;
}

}  // namespace forebay::engine
