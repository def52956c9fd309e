#include "engine/put_block_list.h"

#include "base/codec.h"
#include "engine/block_list_plan.h"
#include "engine/commit.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;
using Records = std::vector<std::pair<std::string, std::string>>;

// Fits into the final transaction together with the commit itself.
constexpr std::size_t kMaxFinalBytes = 256 << 10;
// A page is one value: a block of 4,000 MiB has a thousand extents or more.
constexpr std::size_t kReleaseEntriesPerPage = 200;
constexpr std::size_t kReleaseExtentsPerPage = 2'000;
// A client that stages blocks of a blob while it commits that blob makes us start over.
constexpr int kMaxAttempts = 5;

struct Commit {
  BlobTarget target;
  azure::Conditions conditions;
  meta::BlobRecord record;
  BlockListPlan plan;
  meta::BodyId release_list;        // 0: nothing is dropped
  Records records;                  // pages, references, release pages
  std::vector<std::string> forget;  // staged-block records erased in the final transaction
  bool prepared = false;
};

Records ReleasePages(meta::BodyId list, const std::vector<meta::ReleaseEntry>& dropped) {
  Records pages;
  std::vector<meta::ReleaseEntry> page;
  std::size_t extents = 0;
  auto flush = [&] {
    if (page.empty()) return;
    pages.emplace_back(keys::ReleasePage(list, pages.size()), meta::EncodeReleasePage(page));
    page.clear();
    extents = 0;
  };
  for (const meta::ReleaseEntry& entry : dropped) {
    if (extents + entry.extents.size() > kReleaseExtentsPerPage) flush();
    page.push_back(entry);
    extents += entry.extents.size();
    if (page.size() == kReleaseEntriesPerPage) flush();
  }
  flush();
  return pages;
}

// All records that the body needs beside the blob's own.
void CollectRecords(const Limits& limits, Commit& commit) {
  const BlockListPlan& plan = commit.plan;
  const meta::BodyId body = commit.record.body.id;
  if (commit.record.body.paged) commit.records = ExtentPages(body, plan.extents);
  auto add = [&commit](Records more) {
    commit.records.insert(commit.records.end(), std::make_move_iterator(more.begin()),
                          std::make_move_iterator(more.end()));
  };
  add(BlockListPages(body, plan.blocks));
  for (const BlockListPlan::Share& share : plan.shares) {
    for (const meta::Extent& extent : share.extents) {
      commit.records.emplace_back(keys::ChunkRef(extent.chunk, share.from), "");
      commit.records.emplace_back(keys::ChunkRef(extent.chunk, body), "");
    }
  }
  if (commit.release_list.value() != 0) add(ReleasePages(commit.release_list, plan.dropped));
  std::size_t bytes = 0;
  for (const auto& [key, value] : commit.records) bytes += key.size() + value.size();
  commit.prepared = commit.records.size() + plan.staged_keys.size() > limits.final_records ||
                    bytes > kMaxFinalBytes;
  if (!commit.prepared) commit.forget = plan.staged_keys;
}

Result<> PutGarbage(kv::Transaction& txn, meta::BodyId id, meta::GarbageKind kind, WallTime now) {
  meta::GarbageRecord garbage;
  garbage.kind = kind;
  garbage.since = now;
  txn.Put(keys::GarbageBody(id), meta::Encode(garbage));
  return {};
}

// The one transaction that makes the blob.
Result<> Flip(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, commit.conditions));
  FB_RETURN_IF_ERROR(VerifyPlan(txn, place, commit.plan));
  const WallTime now = commit.record.modified;
  if (commit.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, commit.record.body.id));
    if (commit.release_list.value() != 0) {
      FB_RETURN_IF_ERROR(AdoptPrepared(txn, commit.release_list));
    }
  } else {
    for (const auto& [key, value] : commit.records) txn.Put(key, value);
    for (const std::string& key : commit.forget) txn.Erase(key);
  }
  if (commit.release_list.value() != 0) {
    FB_RETURN_IF_ERROR(PutGarbage(txn, commit.release_list, meta::GarbageKind::kReleaseList, now));
  }
  if (commit.plan.staging) {
    const meta::BodyId generation = commit.plan.staging->generation;
    txn.Erase(keys::Staging(place.container.id, place.name));
    txn.Erase(keys::StagedCount(generation));
    txn.Erase(keys::ReplacedCount(generation));
    if (commit.prepared) {
      FB_RETURN_IF_ERROR(PutGarbage(txn, generation, meta::GarbageKind::kForgetStaged, now));
    }
  }
  return Replace(services, txn, place, commit.record, /*keep_staging=*/true);
}

Task<> PrepareList(Services& services, OpContext context, std::shared_ptr<Commit> commit) {
  const WallTime now = commit->record.modified;
  // Until the flip the bytes are those of the staged blocks and of the old body.
  meta::GarbageRecord garbage{meta::GarbageKind::kPreparingShared, now, commit->record.body.direct};
  Records head;
  head.emplace_back(keys::GarbageBody(commit->record.body.id), meta::Encode(garbage));
  if (commit->release_list.value() != 0) {
    garbage = {meta::GarbageKind::kPreparingList, now, {}};
    head.emplace_back(keys::GarbageBody(commit->release_list), meta::Encode(garbage));
  }
  head.insert(head.end(), std::make_move_iterator(commit->records.begin()),
              std::make_move_iterator(commit->records.end()));
  co_return co_await WriteAhead(services, context, std::move(head),
                                [commit](kv::Transaction& txn) -> Result<> {
                                  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit->target));
                                  return VerifyPlan(txn, place, commit->plan);
                                });
}

// One attempt; kStale asks for another.
Task<> Attempt(Services& services, OpContext context, std::shared_ptr<Commit> commit,
               std::shared_ptr<const std::vector<BlockListEntry>> blocks) {
  const BlobTarget target = commit->target;
  const azure::Conditions conditions = commit->conditions;
  const std::string copy_id = commit->record.copy.id;
  auto read = [target, conditions, blocks,
               copy_id](const kv::Reader& reader) -> Result<BlockListPlan> {
    FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, target));
    FB_RETURN_IF_ERROR(CheckWriteAt(place, conditions));
    FB_RETURN_IF_ERROR(CheckReplaceable(place, copy_id));
    return PlanBlockList(reader, place, *blocks);
  };
  // Long lists are worked out on the pool.
  if (blocks->size() <= 64) {
    FB_CO_ASSIGN_OR_RETURN(commit->plan, co_await ReadMeta(services, read));
  } else {
    FB_CO_ASSIGN_OR_RETURN(commit->plan, co_await ReadMetaOnPool(services, read));
  }
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t body_id, services.ids.Next());
  meta::BlobRecord& record = commit->record;
  record.length = commit->plan.length;
  record.body = {};
  if (!commit->plan.extents.empty()) {
    record.body.id = meta::BodyId(body_id);
    record.body.has_block_list = true;
    record.body.paged = commit->plan.extents.size() > meta::kMaxDirectExtents;
    if (!record.body.paged) record.body.direct = commit->plan.extents;
  }
  commit->release_list = {};
  if (!commit->plan.dropped.empty()) {
    FB_CO_ASSIGN_OR_RETURN(std::uint64_t list_id, services.ids.Next());
    commit->release_list = meta::BodyId(list_id);
  }
  commit->records.clear();
  CollectRecords(services.limits, *commit);
  if (commit->prepared && record.body.id.value() == 0) {
    // An empty list that drops a long staging: the id only carries the preparation.
    record.body.id = meta::BodyId(body_id);
  }
  Result<> done;
  if (commit->prepared) done = co_await PrepareList(services, context, commit);
  if (done) {
    done = co_await services.store.Transact(
        [&services, commit](kv::Transaction& txn) { return Flip(services, txn, *commit); });
  }
  if (!done && commit->prepared) {
    (void)co_await AbandonPrepared(services, record.body.id);
    if (commit->release_list.value() != 0) {
      (void)co_await AbandonPrepared(services, commit->release_list);
    }
  }
  co_return done;
}

}  // namespace

Task<Changed> PutBlockList(Services& services, OpContext context, PutBlockListRequest request) {
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
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
