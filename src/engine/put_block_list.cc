#include "engine/put_block_list.h"

#include "engine/commit.h"
#include "engine/planned_body.h"
#include "engine/read_gate.h"

namespace forebay::engine {
namespace {

// A client that stages blocks of a blob while it commits that blob makes us start over.
constexpr int kMaxAttempts = 5;

struct Commit {
  BlobTarget target;
  azure::Conditions conditions;
  meta::BlobRecord record;
  PlannedBody body;
};

// The one transaction that makes the blob.
Result<> Flip(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, commit.conditions, commit.record.modified));
  FB_RETURN_IF_ERROR(VerifyPlan(txn, place, commit.body.plan));
  FB_RETURN_IF_ERROR(Adopt(txn, commit.body, commit.record.modified));
  return Replace(services, txn, place, commit.record, /*keep_staging=*/true);
}

// One attempt; kStale asks for another.
Task<> Attempt(Services& services, OpContext context, std::shared_ptr<Commit> commit,
               std::shared_ptr<const std::vector<BlockListEntry>> blocks) {
  const BlobTarget target = commit->target;
  const azure::Conditions conditions = commit->conditions;
  const std::string copy_id = commit->record.copy.id;
  const WallTime now = commit->record.modified;
  auto read = [target, conditions, blocks, copy_id,
               now](const kv::Reader& reader) -> Result<BlockListPlan> {
    FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, target));
    FB_RETURN_IF_ERROR(CheckWriteAt(place, conditions, now));
    FB_RETURN_IF_ERROR(CheckReplaceable(place, copy_id));
    return PlanBlockList(reader, place, *blocks);
  };
  // Long lists are worked out on the pool.
  if (blocks->size() <= 64) {
    FB_CO_ASSIGN_OR_RETURN(commit->body.plan, co_await ReadMeta(services, read));
  } else {
    FB_CO_ASSIGN_OR_RETURN(commit->body.plan, co_await ReadMetaOnPool(services, read));
  }
  FB_CO_RETURN_IF_ERROR(LayOut(services, commit->body, commit->record));
  const std::shared_ptr<const PlannedBody> body(commit, &commit->body);
  Result<> done;
  if (body->prepared) {
    done = co_await PrepareAhead(services, context, body, now,
                                 [commit](kv::Transaction& txn) -> Result<> {
                                   FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit->target));
                                   return VerifyPlan(txn, place, commit->body.plan);
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

Task<Changed> PutBlockList(Services& services, OpContext context, PutBlockListRequest request) {
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  FB_CO_RETURN_IF_ERROR(services.CheckRoom(Growth::kRecords));
  if (request.blocks.size() > kMaxBlocks) {
    co_return Fail(Code::kBlockListTooLong,
                   "The block list may not contain more than 50,000 blocks.");
  }
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t blob_id, services.ids.Next());
  auto blocks = std::make_shared<const std::vector<BlockListEntry>>(std::move(request.blocks));
  Result<> done;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto commit = std::make_shared<Commit>();
    commit->target = request.target;
    commit->conditions = request.conditions;
    const Stamp stamp = MakeStamp(services);
    commit->record = NewRecord(meta::BlobId(blob_id), request.attributes, stamp);
    commit->record.copy = request.copy;
    done = co_await Attempt(services, context, commit, blocks);
    if (done) co_return ChangedBy(stamp);
    if (done.error().code() != Code::kStale) break;
  }
  if (done.error().code() == Code::kStale) {
    co_return Fail(Code::kServerBusy,
                   "The blob's blocks keep changing while it is committed; try again.");
  }
  co_return Fail(std::move(done.error()));
}

}  // namespace forebay::engine
