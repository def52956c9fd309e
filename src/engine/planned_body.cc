#include "engine/planned_body.h"

#include "engine/prepare.h"
#include "meta/garbage.h"
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

void Append(Records& to, Records more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// All records that the body needs beside the blob's own.
void CollectRecords(const Limits& limits, PlannedBody& planned, bool paged) {
  const BlockListPlan& plan = planned.plan;
  const meta::BodyId body = planned.body;
  planned.records.clear();
  if (paged) planned.records = ExtentPages(body, plan.extents);
  Append(planned.records, BlockListPages(body, plan.blocks));
  for (const BlockListPlan::Share& share : plan.shares) {
    const meta::Extent* before = nullptr;
    for (const meta::Extent& extent : share.extents) {
      if (extent.is_hole() || (before != nullptr && before->chunk == extent.chunk)) continue;
      before = &extent;
      planned.records.emplace_back(keys::ChunkRef(extent.chunk, share.from), "");
      planned.records.emplace_back(keys::ChunkRef(extent.chunk, body), "");
    }
  }
  if (planned.release_list.value() != 0) {
    Append(planned.records, ReleasePages(planned.release_list, plan.dropped));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : planned.records) bytes += key.size() + value.size();
  planned.prepared = planned.records.size() + plan.staged_keys.size() > limits.final_records ||
                     bytes > kMaxFinalBytes;
  if (!planned.prepared) planned.forget = plan.staged_keys;
}

void PutGarbage(kv::Transaction& txn, meta::BodyId id, meta::GarbageKind kind, WallTime now) {
  meta::GarbageRecord garbage;
  garbage.kind = kind;
  garbage.since = now;
  txn.Put(keys::GarbageBody(id), meta::Encode(garbage));
}

}  // namespace

Result<> LayOut(Services& services, PlannedBody& planned, meta::BlobRecord& record) {
  const BlockListPlan& plan = planned.plan;
  FB_ASSIGN_OR_RETURN(const std::uint64_t body, services.ids.Next());
  planned.body = meta::BodyId(body);
  record.length = plan.length;
  record.body = {};
  record.holes = 0;
  for (const meta::Extent& extent : plan.extents) {
    if (extent.is_hole()) record.holes += extent.length;
  }
  if (!plan.extents.empty()) {
    record.body.id = planned.body;
    record.body.has_block_list = !plan.blocks.empty();
    record.body.paged = plan.extents.size() > meta::kMaxDirectExtents;
    if (!record.body.paged) record.body.direct = plan.extents;
  }
  planned.release_list = {};
  if (!plan.dropped.empty()) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t list, services.ids.Next());
    planned.release_list = meta::BodyId(list);
  }
  CollectRecords(services.limits, planned, record.body.paged);
  // An empty list that drops a long staging: the id only carries the preparation.
  if (planned.prepared) record.body.id = planned.body;
  return {};
}

Task<> PrepareAhead(Services& services, OpContext context, std::shared_ptr<PlannedBody> planned,
                    WallTime now, std::function<Result<>(kv::Transaction&)> check) {
  // Until it is adopted the bytes are those of the staged blocks and of the old body. The sweeper
  // must also find what references it has if it has no pages.
  meta::GarbageRecord garbage{meta::GarbageKind::kPreparingShared, now, {}};
  if (planned->plan.extents.size() <= meta::kMaxDirectExtents) {
    garbage.direct = planned->plan.extents;
  }
  Records head;
  head.emplace_back(keys::GarbageBody(planned->body), meta::Encode(garbage));
  if (planned->release_list.value() != 0) {
    garbage = {meta::GarbageKind::kPreparingList, now, {}};
    head.emplace_back(keys::GarbageBody(planned->release_list), meta::Encode(garbage));
  }
  head.reserve(head.size() + planned->records.size());
  Append(head, std::exchange(planned->records, {}));
  co_return co_await WriteAhead(services, context, std::move(head), std::move(check));
}

Task<> Abandon(Services& services, std::shared_ptr<const PlannedBody> planned) {
  (void)co_await AbandonPrepared(services, planned->body);
  if (planned->release_list.value() != 0) {
    (void)co_await AbandonPrepared(services, planned->release_list);
  }
  co_return Result<>();
}

Result<> Adopt(kv::Transaction& txn, const PlannedBody& planned, WallTime now) {
  if (planned.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, planned.body));
    if (planned.release_list.value() != 0) {
      FB_RETURN_IF_ERROR(AdoptPrepared(txn, planned.release_list));
    }
  } else {
    for (const auto& [key, value] : planned.records) txn.Put(key, value);
    for (const std::string& key : planned.forget) txn.Erase(key);
  }
  if (planned.release_list.value() != 0) {
    PutGarbage(txn, planned.release_list, meta::GarbageKind::kReleaseList, now);
  }
  if (!planned.plan.staging) return {};
  const meta::BodyId generation = planned.plan.staging->generation;
  txn.Erase(planned.plan.staging_key);
  txn.Erase(keys::StagedCount(generation));
  txn.Erase(keys::ReplacedCount(generation));
  if (planned.prepared) PutGarbage(txn, generation, meta::GarbageKind::kForgetStaged, now);
  return {};
}

}  // namespace forebay::engine
