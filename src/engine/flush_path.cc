#include "engine/flush_path.h"

#include <algorithm>

#include "azure/posix.h"
#include "base/codec.h"
#include "engine/acknowledge.h"
#include "engine/append_path.h"
#include "engine/bring_here.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/extend_body.h"
#include "engine/get_blob.h"
#include "engine/path_access.h"
#include "engine/planned_body.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Appends that race with the flush make it start over.
constexpr int kMaxAttempts = 5;
constexpr std::size_t kMaxExtentsOfFile = 1'000'000;
// What is kept moves to a generation of its own in the final transaction.
constexpr std::size_t kMaxRetained = 200;

struct Piece {
  std::string id;
  meta::StagedBlockRecord block;
};

struct Commit {
  FlushPathRequest request;
  Stamp stamp;
  meta::BlobId file;
  std::uint64_t old_length = 0;
  ReadVersions::Version before;  // what is added to
  PlannedBody body;
  bool extend = false;              // in place, else a new body
  bool fetch_first = false;         // only the lake has the present bytes
  std::vector<meta::Extent> added;  // the new bytes
  std::vector<Piece> kept;          // beyond the position, for a later flush
  meta::BodyId kept_generation;
  meta::BlobRecord laid_out;  // length and body of the new body
  FlushPathResult result;
};

std::unexpected<Error> BadPosition() {
  return Fail(Code::kInvalidFlushPosition,
              "The uploaded data is not contiguous or the position query parameter value is not "
              "equal to the length of the file after appending the uploaded data.");
}

Result<Place> RequireFile(const kv::Reader& reader, const FlushPathRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(reader, request.target));
  if (place.existing->directory) {
    return Fail(Code::kPathConflict, "A directory has no bytes to flush.");
  }
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
  if (request.only_if_empty) FB_RETURN_IF_ERROR(CheckEmpty(*place.existing));
  FB_RETURN_IF_ERROR(CheckReplaceable(place));
  return place;
}

// The staging of the file, as PlanBlockList reads that of a blob.
Result<> LoadStaging(const kv::Reader& reader, Commit& commit) {
  BlockListPlan& plan = commit.body.plan;
  plan.staging_key = keys::Appends(commit.file);
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(plan.staging_key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(plan.staging, meta::DecodeStaging(*stored));
  const meta::BodyId generation = plan.staging->generation;
  FB_ASSIGN_OR_RETURN(auto staged, reader.Get(keys::StagedCount(generation)));
  FB_ASSIGN_OR_RETURN(auto replaced, reader.Get(keys::ReplacedCount(generation)));
  plan.staged_count = kv::CounterValue(staged);
  plan.replaced_count = kv::CounterValue(replaced);
  return {};
}

// Sorts the pieces into what is added, kept and dropped.
Result<> SortPieces(const kv::Reader& reader, Commit& commit) {
  BlockListPlan& plan = commit.body.plan;
  std::uint64_t end = commit.old_length;
  const std::uint64_t position = commit.request.position;
  if (plan.staging) {
    const std::string prefix = keys::StagedBlocksOf(plan.staging->generation);
    auto it = reader.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      plan.staged_keys.emplace_back(it->key());
      Piece piece{std::string(keys::BlockIdOfStagedKey(it->key())), {}};
      FB_ASSIGN_OR_RETURN(piece.block, meta::DecodeStagedBlock(it->value()));
      const std::uint64_t begin = PositionOfAppendId(piece.id);
      if (begin < commit.old_length) {
        // Nothing can make it part of the file any more: it must not hold back what can be.
        plan.dropped.push_back({meta::BodyId(0), std::move(piece.block.extents)});
      } else if (begin < position) {
        if (begin != end || piece.block.size > position - begin) return BadPosition();
        end += piece.block.size;
        commit.added.insert(commit.added.end(), piece.block.extents.begin(),
                            piece.block.extents.end());
      } else if (commit.request.retain_uncommitted) {
        commit.kept.push_back(std::move(piece));
      } else {
        plan.dropped.push_back({meta::BodyId(0), std::move(piece.block.extents)});
      }
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  if (end != position) return BadPosition();
  if (commit.kept.size() > kMaxRetained) {
    return Fail(Code::kUncommittedBlockCountExceedsLimit,
                "A flush keeps at most 200 pieces that lie beyond its position.");
  }
  return {};
}

Result<> Plan(const kv::Reader& reader, Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, RequireFile(reader, commit.request, commit.stamp.now));
  const meta::BlobRecord& record = *place.existing;
  commit.file = record.id;
  commit.old_length = record.length;
  commit.before = VersionOf(record);
  FB_RETURN_IF_ERROR(LoadStaging(reader, commit));
  FB_RETURN_IF_ERROR(SortPieces(reader, commit));
  BlockListPlan& plan = commit.body.plan;
  plan.old_body = record.body.id;
  plan.length = commit.request.position;
  FB_ASSIGN_OR_RETURN(const bool can_extend, CanExtend(reader, record));
  const std::size_t keys_needed = commit.added.size() + plan.staged_keys.size();
  if (commit.added.empty() || (can_extend && keys_needed <= kMaxExtendExtents)) {
    commit.extend = true;
    return {};
  }
  if (record.body.in_lake) {
    commit.fetch_first = true;
    return Fail(Code::kStale, "The file's bytes are in the lake.");
  }
  FB_ASSIGN_OR_RETURN(plan.extents,
                      meta::ExtentsOf(reader, record.body, 0, record.length, kMaxExtentsOfFile));
  if (!plan.extents.empty()) plan.shares.push_back({record.body.id, plan.extents});
  plan.extents.insert(plan.extents.end(), commit.added.begin(), commit.added.end());
  return {};
}

// What lay beyond the position goes on under a new generation.
void KeepRest(kv::Transaction& txn, const Commit& commit) {
  if (commit.kept.empty()) return;
  meta::StagingRecord staging = *commit.body.plan.staging;
  staging.generation = commit.kept_generation;
  txn.Put(commit.body.plan.staging_key, meta::Encode(staging));
  for (const Piece& piece : commit.kept) {
    txn.Put(keys::StagedBlock(staging.generation, piece.id), meta::Encode(piece.block));
  }
  txn.Add(keys::StagedCount(staging.generation), static_cast<std::int64_t>(commit.kept.size()));
}

Result<> UseLease(const FlushPathRequest& request, meta::ResourceLease& lease, WallTime now) {
  const std::string id = request.conditions.lease_id.value_or("");
  switch (request.lease) {
    case FlushLease::kNone:
      return {};
    case FlushLease::kAcquire:
      return meta::AcquireResourceLease(lease, request.proposed_lease_id, request.lease_seconds,
                                        now);
    case FlushLease::kRenew:
      return meta::RenewResourceLease(lease, id, now);
    case FlushLease::kRelease:
      return meta::ReleaseResourceLease(lease, id);
    case FlushLease::kAcquireRelease:
      FB_RETURN_IF_ERROR(
          meta::AcquireResourceLease(lease, request.proposed_lease_id, request.lease_seconds, now));
      return meta::ReleaseResourceLease(lease, request.proposed_lease_id);
  }
  return {};
}

Result<> Verify(const kv::Reader& reader, const Place& place, const Commit& commit) {
  if (place.existing->id != commit.file || place.existing->length != commit.old_length) {
    return Fail(Code::kStale, "The file changed during the flush.");
  }
  return VerifyPlan(reader, place, commit.body.plan);
}

// The one transaction that moves the file's end.
Result<> Flip(Services& services, kv::Transaction& txn, Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, RequireFile(txn, commit.request, commit.stamp.now));
  FB_RETURN_IF_ERROR(Verify(txn, place, commit));
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  meta::BlobRecord record = *place.existing;
  FB_RETURN_IF_ERROR(UseLease(commit.request, record.lease, commit.stamp.now));
  if (commit.extend && !commit.added.empty()) {
    FB_ASSIGN_OR_RETURN(const bool still, CanExtend(txn, record));
    if (!still) return Fail(Code::kStale, "The file's bytes came to be shared during the flush.");
    FB_RETURN_IF_ERROR(ExtendBody(txn, record, commit.added));
  }
  FB_RETURN_IF_ERROR(Adopt(txn, commit.body, commit.stamp.now));
  KeepRest(txn, commit);
  if (!commit.extend) {
    FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, record, commit.stamp.now));
    record.length = commit.laid_out.length;
    record.holes = commit.laid_out.holes;
    record.body = commit.laid_out.body;
  }
  // The MD5 that is stored was that of fewer bytes.
  if (!commit.added.empty()) record.http.content_md5.clear();
  commit.request.http.ApplyTo(record.http);
  commit.before = VersionOf(record);
  record.etag = commit.stamp.etag;
  record.modified = commit.stamp.now;
  commit.result = {ChangedBy(commit.stamp), record.length};
  if (!commit.added.empty()) {
    azure::TouchStored(meta::Nanoseconds(commit.stamp.now), record.metadata);
    FB_RETURN_IF_ERROR(NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, record));
  }
  return place.names().Put(txn, place.container.id, place.name, record, services.ids);
}

Task<> Attempt(Services& services, OpContext context, std::shared_ptr<Commit> commit) {
  FB_CO_RETURN_IF_ERROR(co_await ReadMetaOnPool(services, [commit](const kv::Reader& reader) {
    // A second run begins anew.
    commit->body = {};
    commit->added.clear();
    commit->kept.clear();
    return Plan(reader, *commit);
  }));
  if (!commit->added.empty()) {
    FB_CO_RETURN_IF_ERROR(
        co_await AwaitRoomIn(services, context, ContainerOf(commit->request.target)));
  }
  if (!commit->kept.empty()) {
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
    commit->kept_generation = meta::BodyId(id);
  }
  FB_CO_RETURN_IF_ERROR(LayOut(services, commit->body, commit->laid_out));
  GetBlobRequest present;
  present.target = commit->request.target;
  FB_CO_RETURN_IF_ERROR(
      co_await HoldForReaders(services, context, commit->before, std::move(present)));
  const std::shared_ptr<PlannedBody> body(commit, &commit->body);
  Result<> done;
  if (body->prepared) {
    done = co_await PrepareAhead(
        services, context, body, commit->stamp.now, [commit](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(Place place, RequireFile(txn, commit->request, commit->stamp.now));
          return Verify(txn, place, *commit);
        });
  }
  if (done) {
    done = co_await services.store.Transact(
        [&services, commit](kv::Transaction& txn) { return Flip(services, txn, *commit); });
  }
  if (!done && body->prepared) (void)co_await Abandon(services, body);
  co_return done;
}

}  // namespace

void HttpHeaderChanges::ApplyTo(azure::BlobHttpHeaders& headers) const {
  if (content_type) headers.content_type = *content_type;
  if (content_encoding) headers.content_encoding = *content_encoding;
  if (content_language) headers.content_language = *content_language;
  if (cache_control) headers.cache_control = *cache_control;
  if (content_disposition) headers.content_disposition = *content_disposition;
  if (content_md5) headers.content_md5 = *content_md5;
}

Task<FlushPathResult> FlushPath(Services& services, OpContext context, FlushPathRequest request) {
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  Result<> done;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto commit = std::make_shared<Commit>();
    commit->request = request;
    commit->stamp = MakeStamp(services);
    done = co_await Attempt(services, context, commit);
    if (done) {
      if (commit->old_length > 0) {
        services.versions->Grew(commit->before, ChangedBy(commit->stamp).etag);
      }
      FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(services, context, request.target));
      co_return std::move(commit->result);
    }
    if (commit->fetch_first) {
      // What is to be added to must be here.
      auto here = co_await BringHere(services, context, request.target);
      if (!here && here.error().code() != Code::kStale) co_return Fail(std::move(here.error()));
    }
    if (done.error().code() != Code::kStale) break;
  }
  if (done.error().code() == Code::kStale) {
    co_return Fail(Code::kServerBusy, "The file keeps changing while it is flushed; try again.");
  }
  co_return Fail(std::move(done.error()));
}

}  // namespace forebay::engine
