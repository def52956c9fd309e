#include "engine/release_node.h"

#include "azure/posix.h"
#include "base/codec.h"
#include "engine/references.h"
#include "meta/garbage.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

void DropAttributes(kv::Transaction& txn, meta::ContainerId container,
                    const meta::BlobRecord& record) {
  if (!record.node.attributes) return;
  const std::string prefix = keys::XattrsOf(container, meta::InodeOf(record));
  txn.DeleteRange(kv::Space::kMeta, prefix, PrefixEnd(prefix));
}

Result<> Free(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::ContainerId container,
              const meta::BlobRecord& record, WallTime now) {
  const meta::InodeId inode = meta::InodeOf(record);
  DropAttributes(txn, container, record);
  if (record.node.apart) txn.Erase(keys::Node(container, inode));
  if (record.node.placed) {
    txn.Erase(keys::Place(container, inode));
    txn.Erase(keys::Locks(container, inode));
    FB_RETURN_IF_ERROR(DropPieces(txn, inode, now));
  }
  FB_RETURN_IF_ERROR(ReleaseBody(chunks, txn, record, now));
  return DropAppends(txn, record.id, now);
}

}  // namespace

Result<> DropPieces(kv::Transaction& txn, meta::InodeId file, WallTime now) {
  const std::string prefix = keys::PiecesOf(file);
  std::vector<std::string> found;
  {
    const auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) found.emplace_back(it->key());
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const std::string& key : found) FB_RETURN_IF_ERROR(DropGeneration(txn, key, now));
  return {};
}

Result<bool> IsHeld(const kv::Reader& reader, meta::ContainerId container, meta::InodeId inode) {
  const std::string prefix = keys::HoldsOf(container, inode);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  if (it->Valid()) return true;
  FB_RETURN_IF_ERROR(it->status());
  return false;
}

Result<> ReleaseName(Services& services, kv::Transaction& txn, meta::ContainerId container,
                     const meta::BlobRecord& record, WallTime now) {
  if (record.directory) {
    DropAttributes(txn, container, record);
    return DropAppends(txn, record.id, now);
  }
  const meta::InodeId inode = meta::InodeOf(record);
  if (record.node.apart && record.node.links > 1) {
    meta::BlobRecord rest = record;
    --rest.node.links;
    azure::TouchChanged(meta::Nanoseconds(now), rest.metadata);
    meta::PutRecord(txn, container, {}, rest);
    return {};
  }
  // Only what is found by its number is ever held.
  bool held = false;
  if (record.node.placed) {
    FB_ASSIGN_OR_RETURN(held, IsHeld(txn, container, inode));
  }
  if (!held) return Free(services.chunks, txn, container, record, now);
  meta::BlobRecord rest = record;
  rest.node.links = 0;
  rest.node.apart = true;
  rest.expires.reset();
  azure::TouchChanged(meta::Nanoseconds(now), rest.metadata);
  txn.Erase(keys::Place(container, inode));
  meta::PutRecord(txn, container, {}, rest);
  return {};
}

Result<> FreeIfForgotten(chunk::ChunkStore& chunks, kv::Transaction& txn,
                         meta::ContainerId container, meta::InodeId inode, WallTime now) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(keys::Node(container, inode)));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, meta::DecodeBlob(*stored));
  if (record.directory || record.node.links > 0) return {};
  FB_ASSIGN_OR_RETURN(const bool held, IsHeld(txn, container, inode));
  if (held) return {};
  return Free(chunks, txn, container, record, now);
}

}  // namespace forebay::engine
