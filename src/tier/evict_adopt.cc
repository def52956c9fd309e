// Adopt: a local body that the lake holds too becomes one that it holds, resident or not.
#include <utility>

#include "base/codec.h"
#include "engine/lake_objects.h"
#include "engine/prepare.h"
#include "engine/references.h"
#include "engine/residency.h"
#include "meta/garbage.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/placement_records.h"
#include "tier/evict_steps.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// Two references each, and a run for every few.
constexpr std::size_t kExtentsPerStep = 150;
// A page has at most 1,000 block ids of 64 bytes.
constexpr std::size_t kBlockListPagesPerStep = 4;

struct Work {
  AdoptRequest request;
  meta::BodyId to;
  Adopted result;
  // Of bodies that are prepared: what the step that is under way writes, and where it ends.
  std::vector<Span> step_runs{};
  std::uint64_t offset = 0;
  std::string block_page{};
  bool step_done = false;
};
using WorkPtr = std::shared_ptr<Work>;

struct Found {
  EvictOutcome outcome = EvictOutcome::kLost;
  meta::ContainerRecord container;
  meta::BlobRecord record;
};

Result<Found> FindLocal(kv::Transaction& txn, PinCache& pins, const AdoptRequest& request) {
  // What is adopted can be given up: on a full disk it is what makes room.
  txn.MakesRoom();
  Found found;
  auto container = AttachedContainer(txn, *request.attachment);
  if (!container) {
    if (container.error().code() == Code::kStale) return found;
    return Fail(std::move(container.error()));
  }
  FB_ASSIGN_OR_RETURN(auto record,
                      meta::NamespaceOf(*container).Find(txn, container->id, request.name));
  if (!record || record->body.id != request.body || record->body.in_lake) return found;
  found.container = std::move(*container);
  found.record = std::move(*record);
  if (request.sent) {
    if (found.record.length != request.sent->length) return found;
    found.outcome = EvictOutcome::kDone;
  } else {
    found.outcome = engine::LakeHolds(found.record) ? EvictOutcome::kDone : EvictOutcome::kUnsafe;
  }
  if (found.outcome != EvictOutcome::kDone) return found;
  FB_ASSIGN_OR_RETURN(const PinSetPtr set, pins.Of(txn, found.container.id));
  if (set->Matching(request.name) != nullptr) found.outcome = EvictOutcome::kPinned;
  return found;
}

std::vector<Span> PutRuns(kv::Transaction& txn, const Work& work, std::uint64_t start,
                          const std::vector<meta::Extent>& extents) {
  std::vector<Span> spans;
  engine::ShareExtents(txn, extents, work.request.body, work.to);
  for (const Run& run : RunsOfExtents(start, extents)) {
    txn.Put(keys::Run(work.to, run.span.end),
            meta::EncodeExtentPage({.start = run.span.start, .extents = run.extents}));
    spans.push_back(run.span);
  }
  return spans;
}

void Count(Adopted& result, const std::vector<Span>& runs) {
  for (const Span& run : runs) result.bytes += run.length();
  result.runs.insert(result.runs.end(), runs.begin(), runs.end());
}

// Some pages of the block list from the key `from` on, which moves to the next; empty at the end.
Result<> CopyBlockList(kv::Transaction& txn, const Work& work, std::string& from) {
  const std::string prefix = keys::BlockListPagesOf(work.request.body);
  const std::string to = keys::BlockListPagesOf(work.to);
  std::vector<std::pair<std::string, std::string>> pages;
  {
    auto it = txn.Scan(from.empty() ? prefix : from, PrefixEnd(prefix));
    for (; it->Valid() && pages.size() < kBlockListPagesPerStep; it->Next()) {
      pages.emplace_back(to + std::string(it->key().substr(prefix.size())), it->value());
    }
    FB_RETURN_IF_ERROR(it->status());
    from = it->Valid() ? std::string(it->key()) : std::string();
  }
  for (const auto& [key, value] : pages) txn.Put(key, value);
  return {};
}

// The record changes hands; what it named is given up.
Result<> Switch(engine::Services& services, kv::Transaction& txn, const Work& work,
                const Found& found) {
  meta::BlobRecord record = found.record;
  record.body = {};
  record.body.id = work.to;
  record.body.in_lake = true;
  record.body.has_block_list = found.record.body.has_block_list;
  if (work.request.sent) {
    record.lake.emplace();
    record.lake->etag = work.request.sent->etag;
    engine::OwnLakeObject(txn, found.container.id, work.to, record.length);
  }
  record.lake->body = work.to;
  FB_RETURN_IF_ERROR(meta::NamespaceOf(found.container)
                         .Put(txn, found.container.id, work.request.name, record, services.ids));
  FB_RETURN_IF_ERROR(engine::ReleaseBody(services.chunks, txn, found.record, services.clock.Now()));
  if (work.result.bytes == 0) return {};
  txn.Add(keys::ResidentBytes(work.to), static_cast<std::int64_t>(work.result.bytes));
  txn.Put(keys::BodyHome(work.to),
          meta::Encode(meta::BodyHomeRecord{found.container.id, work.request.name}));
  return {};
}

// All in one; false when it does not fit.
Result<bool> AdoptWhole(engine::Services& services, kv::Transaction& txn, PinCache& pins,
                        Work& work) {
  work.result = {};
  work.result.body = work.to;
  FB_ASSIGN_OR_RETURN(const Found found, FindLocal(txn, pins, work.request));
  work.result.outcome = found.outcome;
  if (found.outcome != EvictOutcome::kDone) return true;
  if (work.request.keep_bytes && found.record.body.paged) return false;
  if (found.record.body.has_block_list) {
    std::string from;
    FB_RETURN_IF_ERROR(CopyBlockList(txn, work, from));
    if (!from.empty()) return false;
  }
  if (work.request.keep_bytes) Count(work.result, PutRuns(txn, work, 0, found.record.body.direct));
  FB_RETURN_IF_ERROR(Switch(services, txn, work, found));
  return true;
}

Task<> BeginPreparing(engine::Services& services, meta::BodyId id) {
  co_return co_await services.store.Transact(
      [id, now = services.clock.Now()](kv::Transaction& txn) -> Result<> {
        txn.MakesRoom();
        meta::GarbageRecord garbage;
        garbage.kind = meta::GarbageKind::kPreparingShared;
        garbage.since = now;
        txn.Put(keys::GarbageBody(id), meta::Encode(garbage));
        return {};
      },
      kv::Durability::kLazy);
}

Result<Found> RequireLocal(kv::Transaction& txn, PinCache& pins, const Work& work) {
  FB_RETURN_IF_ERROR(engine::CheckPreparing(txn, work.to));
  FB_ASSIGN_OR_RETURN(Found found, FindLocal(txn, pins, work.request));
  if (found.outcome == EvictOutcome::kDone) return found;
  return Fail(Code::kStale, "The blob changed while it was prepared.");
}

// Some runs of the new body. The record is looked at in each step: what it no longer names may be
// freed.
Result<> RunsStep(kv::Transaction& txn, PinCache& pins, Work& work, std::uint64_t at) {
  work.step_runs.clear();
  FB_ASSIGN_OR_RETURN(const Found found, RequireLocal(txn, pins, work));
  const meta::BlobRecord& record = found.record;
  FB_ASSIGN_OR_RETURN(const auto extents,
                      meta::ExtentsOf(txn, record.body, at, record.length - at, kExtentsPerStep));
  work.step_runs = PutRuns(txn, work, at, extents);
  work.offset = at;
  for (const meta::Extent& extent : extents) work.offset += extent.length;
  work.step_done = work.offset == record.length;
  return {};
}

Result<> BlockListStep(kv::Transaction& txn, PinCache& pins, Work& work, const std::string& from) {
  FB_ASSIGN_OR_RETURN(const Found found, RequireLocal(txn, pins, work));
  work.block_page = from;
  if (found.record.body.has_block_list) {
    FB_RETURN_IF_ERROR(CopyBlockList(txn, work, work.block_page));
  } else {
    work.block_page.clear();
  }
  work.step_done = work.block_page.empty();
  return {};
}

Task<> Prepare(engine::Services& services, OpContext context, PinCache& pins, WorkPtr work) {
  FB_CO_RETURN_IF_ERROR(co_await BeginPreparing(services, work->to));
  Adopted prepared;
  prepared.body = work->to;
  work->step_done = !work->request.keep_bytes;
  while (!work->step_done) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [&pins, work, at = work->offset](kv::Transaction& txn) {
          return RunsStep(txn, pins, *work, at);
        },
        kv::Durability::kLazy));
    Count(prepared, work->step_runs);
  }
  do {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [&pins, work, from = work->block_page](kv::Transaction& txn) {
          return BlockListStep(txn, pins, *work, from);
        },
        kv::Durability::kLazy));
  } while (!work->step_done);
  work->result = std::move(prepared);
  co_return co_await services.store.Transact(
      [&services, &pins, work](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const Found found, RequireLocal(txn, pins, *work));
        if (work->request.keep_bytes && work->result.bytes != found.record.length) {
          return Fail(Code::kStale, "The blob grew while it was prepared.");
        }
        FB_RETURN_IF_ERROR(engine::AdoptPrepared(txn, work->to));
        work->result.outcome = EvictOutcome::kDone;
        return Switch(services, txn, *work, found);
      },
      kv::Durability::kLazy);
}

}  // namespace

Task<Adopted> Adopt(engine::Services& services, OpContext context, PinCache& pins,
                    AdoptRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto work = std::make_shared<Work>();
  work->request = std::move(request);
  if (work->request.sent) {
    work->to = work->request.sent->to;
  } else {
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
    work->to = meta::BodyId(id);
  }
  auto fits = std::make_shared<bool>(true);
  auto whole = co_await services.store.Transact(
      [&services, &pins, work, fits](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*fits, AdoptWhole(services, txn, pins, *work));
        if (*fits) return {};
        return Fail(Code::kLimitExceeded, "The body is prepared in steps.");
      },
      kv::Durability::kLazy);
  if (whole) co_return std::move(work->result);
  if (*fits) co_return Fail(std::move(whole.error()));
  auto prepared = co_await Prepare(services, std::move(context), pins, work);
  if (prepared) co_return std::move(work->result);
  (void)co_await engine::AbandonPrepared(services, work->to);
  if (prepared.error().code() != Code::kStale) co_return Fail(std::move(prepared.error()));
  Adopted changed;
  changed.outcome = EvictOutcome::kLost;
  co_return changed;
}

}  // namespace forebay::tier
