#include "engine/sweep_paths.h"

#include <vector>

#include "base/codec.h"
#include "engine/detached_tree.h"
#include "engine/references.h"
#include "engine/release_node.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/records.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kEntriesPerStep = 40;

Result<> RemoveEntry(Services& services, kv::Transaction& txn, const std::string& key,
                     const meta::BlobRecord& entry, meta::ContainerId container) {
  const WallTime now = services.clock.Now();
  FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, meta::ResolveLink(txn, container, entry));
  txn.Erase(key);
  if (record.directory) {
    txn.Erase(keys::Directory(*record.directory));
    txn.Erase(keys::DirectoryTime(container, *record.directory));
    FB_RETURN_IF_ERROR(ReleaseName(services, txn, container, record, now));
    txn.Put(keys::GarbageDirectory(*record.directory),
            meta::Encode(meta::DirectoryRecord{container, meta::kRootInode,
                                               std::string(keys::ComponentOfEntryKey(key))}));
    return {};
  }
  return ReleaseName(services, txn, container, record, now);
}

}  // namespace

Result<bool> SweepDirectoryStep(Services& services, kv::Transaction& txn, meta::InodeId inode,
                                std::uint64_t& removed) {
  removed = 0;
  const std::string garbage = keys::GarbageDirectory(inode);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(garbage));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(const meta::DirectoryRecord directory, meta::DecodeDirectory(*stored));
  FB_ASSIGN_OR_RETURN(const bool noted, NoteDetachedStep(txn, directory.container, inode));
  if (!noted) return false;
  std::vector<std::pair<std::string, meta::BlobRecord>> doomed;
  {
    const std::string prefix = keys::EntriesOf(directory.container, inode);
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid() && doomed.size() < kEntriesPerStep; it->Next()) {
      FB_ASSIGN_OR_RETURN(meta::BlobRecord record, meta::DecodeBlob(it->value()));
      doomed.emplace_back(std::string(it->key()), std::move(record));
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const auto& [key, record] : doomed) {
    FB_RETURN_IF_ERROR(RemoveEntry(services, txn, key, record, directory.container));
  }
  removed = doomed.size();
  if (!doomed.empty()) return false;
  txn.Erase(garbage);
  return true;
}

Result<bool> ExpireFileStep(Services& services, kv::Transaction& txn, std::string_view note,
                            WallTime now) {
  txn.Erase(note);
  const std::string key(keys::EntryOfExpiryKey(note));
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return true;
  KeyReader in(std::string_view(key).substr(1));
  const meta::ContainerId container(in.U64());
  FB_ASSIGN_OR_RETURN(const meta::BlobRecord entry, meta::DecodeBlob(*stored));
  FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, meta::ResolveLink(txn, container, entry));
  // The note may be older than the file, or the file may have been given more time.
  if (record.directory || !record.expires || *record.expires > now) return true;
  FB_RETURN_IF_ERROR(RemoveEntry(services, txn, key, record, container));
  return true;
}

}  // namespace forebay::engine
