#include "engine/fsck_facts.h"

#include <algorithm>

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

std::string Show(chunk::ChunkId id) {
  if (id.session == 0) return "inline piece " + std::to_string(id.sequence);
  return "chunk " + std::to_string(id.session) + "." + std::to_string(id.sequence);
}
std::string Show(meta::BodyId id) { return "body " + std::to_string(id.value()); }
std::string Show(meta::BlobId id) { return "blob " + std::to_string(id.value()); }
std::string Show(FsckHolder holder) {
  return holder.exclusive ? "a record of its own" : Show(holder.id);
}
meta::Extent Whole(chunk::ChunkId id) { return {id, 0, 1}; }

}  // namespace

Result<> FsckFacts::Load() {
  auto pieces = reader_.Scan(kv::Space::kInline, "", "");
  for (; pieces->Valid(); pieces->Next()) {
    const chunk::ChunkId id{0, KeyReader(pieces->key()).U64()};
    if (Mine(id)) units_[id];
  }
  FB_RETURN_IF_ERROR(pieces->status());
  auto chunks = reader_.Scan(chunk::keys::TableBegin('C'), chunk::keys::TableEnd('C'));
  for (; chunks->Valid(); chunks->Next()) {
    FB_ASSIGN_OR_RETURN(const chunk::ChunkId id, chunk::keys::ParseChunk(chunks->key()));
    if (Mine(id)) units_[id];
  }
  FB_RETURN_IF_ERROR(chunks->status());
  auto shared = reader_.Scan("q", "r");
  for (; shared->Valid(); shared->Next()) {
    KeyReader in(shared->key().substr(1));
    chunk::ChunkId id;
    id.session = in.U64();
    id.sequence = in.U64();
    const meta::BodyId holder(in.U64());
    if (!Mine(id)) continue;
    if (const auto it = units_.find(id); it != units_.end()) {
      it->second.references.push_back({holder, false});
      continue;
    }
    report_(FsckProblem::kDanglingReference,
            Show(holder) + " refers to " + Show(id) + ", which is not stored");
    EraseReference(std::string(shared->key()));
  }
  FB_RETURN_IF_ERROR(shared->status());
  auto bodies = reader_.Scan("r", "s");
  for (; bodies->Valid(); bodies->Next()) {
    KeyReader in(bodies->key().substr(1));
    const meta::BodyId body(in.U64());
    const meta::BlobId blob(in.U64());
    if (Mine(body)) bodies_[body].references.push_back({blob, false});
  }
  return bodies->status();
}

void FsckFacts::AddExtents(FsckHolder holder, FsckClaim claim,
                           const std::vector<meta::Extent>& extents) {
  for (const meta::Extent& extent : extents) {
    if (extent.is_hole() || !Mine(extent.chunk)) continue;
    const auto it = units_.find(extent.chunk);
    if (it != units_.end()) {
      Hold(extent, it->second, holder, claim);
    } else if (claim == FsckClaim::kHolds) {
      report_(FsckProblem::kMissingBytes,
              Show(holder) + " names " + Show(extent.chunk) + ", which is not stored");
    }
  }
}

void FsckFacts::Hold(const meta::Extent& extent, Unit& unit, FsckHolder holder, FsckClaim claim) {
  const auto own = std::ranges::find_if(unit.references, [&](const auto& reference) {
    return !holder.exclusive && reference.holder == holder.id;
  });
  if (own != unit.references.end()) {
    own->seen = true;
    unit.held = true;
    return;
  }
  if (claim == FsckClaim::kNames) return;
  const bool was_held = std::exchange(unit.held, true);
  if (!was_held && unit.references.empty()) {
    unit.first = holder;
    return;
  }
  if (unit.references.empty() && unit.first == holder) return;
  report_(FsckProblem::kMissingReference,
          Show(holder) + " holds " + Show(extent.chunk) + ", which is shared, without a reference");
  if (unit.references.empty() && !unit.first.exclusive) {
    unit.references.push_back({unit.first.id, true});
    PutReference(keys::ChunkRef(extent.chunk, unit.first.id));
  }
  if (holder.exclusive) return;  // it has no id to refer by: nothing can be done
  unit.references.push_back({holder.id, true});
  PutReference(keys::ChunkRef(extent.chunk, holder.id));
}

void FsckFacts::AddBody(meta::BodyId id, std::optional<meta::BlobId> blob) {
  if (!Mine(id)) return;
  Body& body = bodies_[id];
  const bool was_named = std::exchange(body.named, true);
  if (!blob) return;
  const auto own = std::ranges::find(body.references, *blob, &Reference<meta::BlobId>::holder);
  const bool again = own == body.references.end() ? body.blob == blob : own->seen;
  if (again) {
    // A reference tells blobs apart, and not the records of one.
    report_(FsckProblem::kTwoRecords, Show(*blob) + " has two records that name " + Show(id));
    return;
  }
  if (own != body.references.end()) {
    own->seen = true;
    return;
  }
  if (!was_named && body.references.empty()) {
    body.blob = blob;
    return;
  }
  report_(FsckProblem::kMissingReference,
          Show(*blob) + " holds " + Show(id) + ", which is shared, without a reference");
  for (const std::optional<meta::BlobId>& holder : {body.blob, blob}) {
    if (!holder) continue;
    const auto there =
        std::ranges::find(body.references, *holder, &Reference<meta::BlobId>::holder);
    if (there != body.references.end()) continue;
    body.references.push_back({*holder, true});
    PutReference(keys::BodyRef(id, *holder));
  }
}

void FsckFacts::ReportReferences() {
  for (const auto& [id, unit] : units_) {
    for (const auto& reference : unit.references) {
      if (reference.seen) continue;
      report_(FsckProblem::kDanglingReference,
              Show(reference.holder) + " refers to " + Show(id) + ", which it does not name");
      EraseReference(keys::ChunkRef(id, reference.holder));
    }
  }
  for (const auto& [id, body] : bodies_) {
    for (const auto& reference : body.references) {
      if (reference.seen) continue;
      report_(FsckProblem::kDanglingReference,
              Show(reference.holder) + " refers to " + Show(id) + ", which it does not name");
      EraseReference(keys::BodyRef(id, reference.holder));
    }
  }
}

void FsckFacts::ReportOrphans(chunk::ChunkStore& chunks) {
  for (const auto& [id, unit] : units_) {
    if (unit.held) continue;
    report_(FsckProblem::kOrphan, "nothing names " + Show(id));
    fix_([id = id, &chunks](kv::Transaction& txn) -> Result<> {
      if (Whole(id).is_inline()) {
        txn.Erase(kv::Space::kInline, keys::InlinePiece(id.sequence));
        return {};
      }
      return chunks.Unlink(txn, id);
    });
  }
}

Result<> FsckFacts::ReportForgotten() {
  for (const char table : std::string_view("plbtwk")) {
    const std::string begin(1, table);
    const std::string end = PrefixEnd(begin);
    auto it = reader_.Scan(begin, end);
    while (it->Valid()) {
      const meta::BodyId id(KeyReader(it->key().substr(1)).U64());
      const std::string first(it->key());
      const std::string next = PrefixEnd(KeyBuilder(table).U64(id.value()).Take());
      if (Mine(id)) {
        const auto body = bodies_.find(id);
        if (body == bodies_.end() || !body->second.named) {
          report_(FsckProblem::kForgottenRecord, "records of table '" + begin + "' for " +
                                                     std::to_string(id.value()) +
                                                     ", which nothing names");
          fix_([first, next](kv::Transaction& txn) -> Result<> {
            txn.DeleteRange(kv::Space::kMeta, first, next);
            return {};
          });
        }
      }
      if (next.empty()) break;
      it->Seek(next);
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  return {};
}

void FsckFacts::PutReference(const std::string& key) {
  fix_([key](kv::Transaction& txn) -> Result<> {
    txn.Put(key, "");
    return {};
  });
}
void FsckFacts::EraseReference(const std::string& key) {
  fix_([key](kv::Transaction& txn) -> Result<> {
    txn.Erase(key);
    return {};
  });
}

}  // namespace forebay::engine
