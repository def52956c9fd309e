#include "engine/put_block_list.h"

#include <algorithm>
#include <limits>

#include "engine/acknowledge.h"
#include "engine/bring_here.h"
#include "engine/commit.h"
#include "engine/container_room.h"
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
  Permit large;  // while the body's plan is a large one
};

// The one transaction that makes the blob.
Result<> Flip(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, commit.conditions, commit.record.modified));
  FB_RETURN_IF_ERROR(VerifyPlan(txn, place, commit.body.plan));
  FB_RETURN_IF_ERROR(Adopt(txn, commit.body, commit.record.modified));
  return Replace(services, txn, place, commit.record, /*keep_staging=*/true);
}

// The plan, and the permit that a large one needs. A small plan is tried first where the list does
// not say that it is large: a block may be of many extents.
Task<> MakePlan(Services& services, OpContext context, Commit& commit,
                std::shared_ptr<const std::vector<BlockListEntry>> blocks) {
  auto read = [target = commit.target, conditions = commit.conditions, blocks,
               copy_id = commit.record.copy.id, now = commit.record.modified](
                  const kv::Reader& reader, PlanBounds bounds) -> Result<BlockListPlan> {
    FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, target));
    FB_RETURN_IF_ERROR(CheckWriteAt(place, conditions, now));
    FB_RETURN_IF_ERROR(CheckReplaceable(place, copy_id));
    return PlanBlockList(reader, place, *blocks, bounds);
  };
  const std::size_t all = services.limits.plan_extents;
  const std::size_t free = std::min(services.limits.free_plan_extents, all);
  auto small = [read, free](const kv::Reader& reader) { return read(reader, {free, free}); };
  // However much is staged: it must be possible to drop it.
  auto large = [read, all](const kv::Reader& reader) {
    return read(reader, {all, std::numeric_limits<std::size_t>::max()});
  };
  if (blocks->size() <= free) {
    // Long lists are worked out on the pool.
    auto plan = blocks->size() <= 64 ? co_await ReadMeta(services, small)
                                     : co_await ReadMetaOnPool(services, small);
    if (plan) {
      commit.body.plan = std::move(*plan);
      co_return Result<>{};
    }
    if (plan.error().code() != Code::kBlockListTooLong) co_return Fail(std::move(plan.error()));
  }
  FB_CO_ASSIGN_OR_RETURN(commit.large, co_await services.large_plans->Acquire(1, context));
  FB_CO_ASSIGN_OR_RETURN(commit.body.plan, co_await ReadMetaOnPool(services, large));
  co_return Result<>{};
}

// One attempt; kStale asks for another.
Task<> Attempt(Services& services, OpContext context, std::shared_ptr<Commit> commit,
               std::shared_ptr<const std::vector<BlockListEntry>> blocks) {
  const WallTime now = commit->record.modified;
  FB_CO_RETURN_IF_ERROR(co_await MakePlan(services, context, *commit, blocks));
  if (commit->body.plan.bring_first) {
    commit->large.Release();  // it takes as long as the link does
    FB_CO_RETURN_IF_ERROR(co_await BringHere(services, context, commit->target));
    co_return Fail(Code::kStale, "The blob's blocks were in the lake only.");
  }
  FB_CO_RETURN_IF_ERROR(LayOut(services, commit->body, commit->record));
  const std::shared_ptr<PlannedBody> body(commit, &commit->body);
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
  FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, ContainerOf(request.target)));
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
    if (done) {
      FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(services, context, request.target));
      co_return ChangedBy(stamp);
    }
    if (done.error().code() != Code::kStale) break;
  }
  if (done.error().code() == Code::kStale) {
    co_return Fail(Code::kServerBusy,
                   "The blob's blocks keep changing while it is committed; try again.");
  }
  co_return Fail(std::move(done.error()));
}

}  // namespace forebay::engine
