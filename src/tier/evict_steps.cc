#include "tier/evict_steps.h"

#include "engine/lake_objects.h"
#include "engine/references.h"
#include "engine/residency.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/placement_records.h"
#include "tier/evict_book.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

struct Owner {
  EvictOutcome outcome = EvictOutcome::kLost;  // kDone: `record` may be evicted
  meta::ContainerRecord container;
  std::string name;
  meta::BlobRecord record;
};

// Whether what the record names may be given up; kDone when it may.
Result<EvictOutcome> Judge(kv::Transaction& txn, PinCache& pins, meta::ContainerId container,
                           const std::string& name, const meta::BlobRecord& record) {
  if (!engine::LakeHolds(record)) return EvictOutcome::kUnsafe;
  FB_ASSIGN_OR_RETURN(const bool lost, engine::IsLakeObjectLost(txn, record.body.id));
  if (lost) return EvictOutcome::kUnsafe;
  FB_ASSIGN_OR_RETURN(const PinSetPtr set, pins.Of(txn, container));
  return set->Matching(name) != nullptr ? EvictOutcome::kPinned : EvictOutcome::kDone;
}

Result<Owner> FindOwner(kv::Transaction& txn, const Attachments& attachments, PinCache& pins,
                        meta::BodyId body) {
  Owner owner;
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(keys::BodyHome(body)));
  if (!stored) return owner;
  FB_ASSIGN_OR_RETURN(const meta::BodyHomeRecord home, meta::DecodeBodyHome(*stored));
  auto attachment = attachments.Find(home.container);
  if (!attachment) return owner;
  auto container = AttachedContainer(txn, **attachment);
  if (!container) {
    if (container.error().code() == Code::kStale) return owner;
    return Fail(std::move(container.error()));
  }
  FB_ASSIGN_OR_RETURN(auto record,
                      meta::NamespaceOf(*container).Find(txn, container->id, home.name));
  if (!record || record->body.id != body || !record->body.in_lake) return owner;
  FB_ASSIGN_OR_RETURN(owner.outcome, Judge(txn, pins, container->id, home.name, *record));
  owner.container = std::move(*container);
  owner.name = home.name;
  owner.record = std::move(*record);
  return owner;
}

}  // namespace

Result<DropStep> DropRunsStep(engine::Services& services, kv::Transaction& txn,
                              const Attachments& attachments, PinCache& pins, meta::BodyId body,
                              Span starts, std::size_t max_extents) {
  DropStep step;
  // One more than fits, and the one that reaches in from before.
  FB_ASSIGN_OR_RETURN(std::vector<Run> runs, RunsIn(txn, body, starts, max_extents + 2));
  std::erase_if(runs, [&starts](const Run& run) { return !starts.Contains(run.span.start); });
  if (runs.empty()) return step;
  FB_ASSIGN_OR_RETURN(const Owner owner, FindOwner(txn, attachments, pins, body));
  step.outcome = owner.outcome;
  if (owner.outcome != EvictOutcome::kDone) return step;
  for (const Run& run : runs) {
    // One run always fits: it has 64 extents at most.
    if (step.extents > 0 && step.extents + run.extents.size() > max_extents) {
      step.more = true;
      break;
    }
    FB_RETURN_IF_ERROR(engine::ReleaseExtents(services.chunks, txn, body, run.extents));
    txn.Erase(keys::Run(body, run.span.end));
    step.extents += run.extents.size();
    step.bytes += run.span.length();
    const EvictionKey piece = PieceOf(body, run.span.start);
    if (step.pieces.empty() || step.pieces.back() != piece) step.pieces.push_back(piece);
  }
  txn.Add(keys::ResidentBytes(body), -static_cast<std::int64_t>(step.bytes));
  return step;
}

std::vector<Run> RunsOfExtents(std::uint64_t start, const std::vector<meta::Extent>& extents) {
  constexpr std::size_t kMaxExtentsPerRun = 64;
  std::vector<Run> runs;
  std::uint64_t at = start;
  for (const meta::Extent& whole : extents) {
    // Holes may be longer than a run; what has bytes never is.
    for (std::uint32_t left = whole.length; left > 0;) {
      meta::Extent extent = whole;
      extent.length = std::min(left, static_cast<std::uint32_t>(kMaxRunBytes));
      left -= extent.length;
      const bool fits = !runs.empty() && runs.back().extents.size() < kMaxExtentsPerRun &&
                        runs.back().span.length() + extent.length <= kMaxRunBytes;
      if (!fits) runs.push_back({.span = {at, at}, .extents = {}});
      at += extent.length;
      runs.back().span.end = at;
      runs.back().extents.push_back(extent);
    }
  }
  return runs;
}

}  // namespace forebay::tier
