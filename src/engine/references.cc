#include "engine/references.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

struct Holders {
  bool mine = false;    // there was a reference of one's own
  bool others = false;  // somebody else's is there
};

// Erases `own` under `prefix`.
Result<Holders> EraseOwnReference(kv::Transaction& txn, const std::string& prefix,
                                  const std::string& own) {
  bool others = false;
  bool mine = false;
  {
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid() && !(others && mine); it->Next()) {
      (it->key() == own ? mine : others) = true;
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  if (mine) txn.Erase(own);
  return Holders{mine, others};
}

// Nobody holds the extent's chunk or piece any more.
Result<> FreeExtent(chunk::ChunkStore& chunks, kv::Transaction& txn, const meta::Extent& extent) {
  if (extent.is_inline()) {
    txn.Erase(kv::Space::kInline, keys::InlinePiece(extent.chunk.sequence));
    return {};
  }
  // Gone already: a body may name one chunk twice.
  if (auto done = chunks.Unlink(txn, extent.chunk);
      !done && done.error().code() != Code::kNotFound) {
    return done;
  }
  return {};
}

}  // namespace

void ShareBody(kv::Transaction& txn, meta::BodyId body, meta::BlobId from, meta::BlobId to) {
  txn.Put(keys::BodyRef(body, from), "");
  txn.Put(keys::BodyRef(body, to), "");
}

Result<> ReleaseBody(chunk::ChunkStore& chunks, kv::Transaction& txn,
                     const meta::BlobRecord& record, WallTime now) {
  const meta::BodyRef& body = record.body;
  if (body.id.value() == 0) return {};  // empty
  FB_ASSIGN_OR_RETURN(Holders holders, EraseOwnReference(txn, keys::BodyRefsOf(body.id),
                                                         keys::BodyRef(body.id, record.id)));
  if (holders.others) return {};
  if (body.paged || body.in_lake) {
    meta::GarbageRecord garbage;
    garbage.since = now;
    txn.Put(keys::GarbageBody(body.id), meta::Encode(garbage));
    return {};
  }
  // At most kMaxDirectExtents blocks: one page of the block list.
  if (body.has_block_list) txn.Erase(keys::BlockListPage(body.id, 0));
  return ReleaseExtents(chunks, txn, body.id, body.direct);
}

void ShareExtents(kv::Transaction& txn, const std::vector<meta::Extent>& extents, meta::BodyId from,
                  meta::BodyId to) {
  for (const meta::Extent& extent : extents) {
    if (extent.is_hole()) continue;
    txn.Put(keys::ChunkRef(extent.chunk, from), "");
    txn.Put(keys::ChunkRef(extent.chunk, to), "");
  }
}

Result<> ReleaseExtents(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::BodyId holder,
                        const std::vector<meta::Extent>& extents) {
  for (const meta::Extent& extent : extents) {
    if (extent.is_hole()) continue;
    FB_ASSIGN_OR_RETURN(Holders holders, EraseOwnReference(txn, keys::ChunkRefsOf(extent.chunk),
                                                           keys::ChunkRef(extent.chunk, holder)));
    if (!holders.others) FB_RETURN_IF_ERROR(FreeExtent(chunks, txn, extent));
  }
  return {};
}

Result<> ReleaseReferences(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::BodyId holder,
                           const std::vector<meta::Extent>& extents) {
  for (const meta::Extent& extent : extents) {
    if (extent.is_hole()) continue;
    FB_ASSIGN_OR_RETURN(Holders holders, EraseOwnReference(txn, keys::ChunkRefsOf(extent.chunk),
                                                           keys::ChunkRef(extent.chunk, holder)));
    if (holders.mine && !holders.others) FB_RETURN_IF_ERROR(FreeExtent(chunks, txn, extent));
  }
  return {};
}

Result<> DropGeneration(kv::Transaction& txn, std::string_view key, WallTime now) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
  txn.Erase(key);
  meta::GarbageRecord garbage;
  garbage.kind = meta::GarbageKind::kStaging;
  garbage.since = now;
  txn.Put(keys::GarbageBody(staging.generation), meta::Encode(garbage));
  return {};
}

Result<> DropStaging(kv::Transaction& txn, meta::ContainerId container, std::string_view name,
                     WallTime now) {
  return DropGeneration(txn, keys::Staging(container, name), now);
}

Result<> DropAppends(kv::Transaction& txn, meta::BlobId file, WallTime now) {
  return DropGeneration(txn, keys::Appends(file), now);
}

}  // namespace forebay::engine
