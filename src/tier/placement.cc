#include "tier/placement.h"

#include <algorithm>
#include <utility>

#include "engine/get_blob.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/glob.h"
#include "tier/placement_parts.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kExtentsPerTransaction = 96;
constexpr int kMaxLooks = 4;  // at a blob that changes meanwhile

Task<AttachmentPtr> AttachmentOf(PlacementParts& parts, const engine::ContainerTarget& target) {
  FB_CO_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      co_await engine::ReadMeta(parts.services, [target](const kv::Reader& reader) {
        return engine::RequireContainer(reader, target.account.name, target.container);
      }));
  if (!container.lake.attached()) {
    co_return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
  }
  co_return parts.attachments.Find(container.id);
}

struct FoundBlob {
  AttachmentPtr attachment;
  std::string name;
  meta::BlobRecord record;
  engine::Resident resident;
  const std::string* pinned_by = nullptr;
  PinSetPtr pins;
};

// Also a name that was not imported yet.
Task<FoundBlob> FindBlob(PlacementParts& parts, OpContext context, engine::BlobTarget target) {
  FoundBlob found;
  FB_CO_ASSIGN_OR_RETURN(found.attachment,
                         co_await AttachmentOf(parts, {target.account, target.container}));
  engine::GetBlobRequest request;
  request.target = target;
  request.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(engine::GetBlobResult got,
                         co_await engine::GetBlob(parts.services, context, std::move(request)));
  found.record = std::move(got.record);
  const meta::Namespace& names =
      got.hierarchical ? meta::HierarchicalNamespace() : meta::FlatNamespace();
  FB_CO_ASSIGN_OR_RETURN(found.name, names.Normalize(target.blob.str()));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::ReadMeta(parts.services, [&](const kv::Reader& reader) -> Result<> {
        FB_ASSIGN_OR_RETURN(found.resident, engine::ResidentOf(reader, found.record));
        FB_ASSIGN_OR_RETURN(found.pins, parts.pins.Of(reader, found.attachment->container));
        return {};
      }));
  found.pinned_by = found.pins->Matching(found.name);
  co_return std::move(found);
}

// Has the visitor visit each name that matches, one after the other; no pattern: all.
template <class Visit>
Task<> ForEachMatch(PlacementParts& parts, OpContext context, AttachmentPtr attachment,
                    std::string pattern, bool pieces, Visit& visit) {
  std::optional<Glob> glob;
  if (!pattern.empty()) {
    FB_CO_ASSIGN_OR_RETURN(glob, Glob::Parse(pattern));
  }
  std::string start;
  do {
    FB_CO_RETURN_IF_ERROR(context.Check());
    WalkRequest request;
    request.attachment = attachment;
    if (glob) request.prefix = glob->literal_prefix();
    request.start = start;
    request.pieces = pieces;
    FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await Walk(parts.services, std::move(request)));
    for (WalkedName& walked : page.names) {
      if (glob && !glob->Matches(walked.name)) continue;
      FB_CO_RETURN_IF_ERROR(co_await visit.Visit(walked, page));
    }
    start = std::move(page.next);
  } while (!start.empty());
  co_return Result<>{};
}

class EvictVisitor {
 public:
  EvictVisitor(PlacementParts& parts, OpContext context, AttachmentPtr attachment)
      : parts_(parts), context_(std::move(context)), attachment_(std::move(attachment)) {}

  Task<> Visit(const WalkedName& walked, const WalkPage&) {
    if (walked.record.length == 0) co_return Result<>{};
    ++answer_.names;
    if (walked.record.body.in_lake) co_return co_await DropRuns(walked);
    FB_CO_ASSIGN_OR_RETURN(const Adopted adopted, co_await GiveToLake(walked));
    Count(adopted.outcome);
    if (adopted.outcome == EvictOutcome::kDone) answer_.evicted_bytes += walked.record.length;
    co_return Result<>{};
  }
  const EvictAnswer& answer() const { return answer_; }

 private:
  // Where the lake is room for ours, the body goes there now.
  Task<Adopted> GiveToLake(const WalkedName& walked) {
    if (attachment_->record.mode == meta::LakeMode::kCapacity) {
      co_return co_await parts_.mover.Send(context_, attachment_, walked.name, walked.record,
                                           /*keep_bytes=*/false);
    }
    co_return co_await Adopt(parts_.services, context_, parts_.pins,
                             {.attachment = attachment_,
                              .name = walked.name,
                              .body = walked.record.body.id,
                              .keep_bytes = false});
  }

  Task<> DropRuns(const WalkedName& walked) {
    const meta::BodyId body = walked.record.body.id;
    if (walked.home_missing) {
      FB_CO_RETURN_IF_ERROR(co_await WriteHome(parts_.services, attachment_, walked.name, body));
    }
    bool some = false;
    auto step = std::make_shared<DropStep>();
    do {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      FB_CO_RETURN_IF_ERROR(co_await parts_.services.store.Transact(
          [parts = &parts_, body, step,
           length = walked.record.length](kv::Transaction& txn) -> Result<> {
            FB_ASSIGN_OR_RETURN(
                *step, DropRunsStep(parts->services, txn, parts->attachments, parts->pins, body,
                                    {0, length}, kExtentsPerTransaction));
            return {};
          },
          kv::Durability::kLazy));
      for (const EvictionKey& piece : step->pieces) parts_.book.Forget(piece);
      answer_.evicted_bytes += step->bytes;
      some = some || step->bytes > 0;
    } while (step->more);
    const bool none = step->outcome == EvictOutcome::kNothing;
    Count(none && some ? EvictOutcome::kDone : step->outcome);
    co_return Result<>{};
  }

  void Count(EvictOutcome outcome) {
    switch (outcome) {
      case EvictOutcome::kDone:
        ++answer_.evicted;
        break;
      case EvictOutcome::kNothing:
        ++answer_.absent;
        break;
      case EvictOutcome::kPinned:
        ++answer_.pinned;
        break;
      case EvictOutcome::kUnsafe:
      case EvictOutcome::kLost:  // changed while we looked: new content travels first
        ++answer_.unsent;
        break;
    }
  }

  PlacementParts& parts_;
  const OpContext context_;
  const AttachmentPtr attachment_;
  EvictAnswer answer_;
};

class SummaryVisitor {
 public:
  explicit SummaryVisitor(PinSetPtr pins) : pins_(std::move(pins)) {}

  Task<> Visit(const WalkedName& walked, const WalkPage&) {
    ++summary_.names;
    summary_.bytes += walked.record.length;
    summary_.resident_bytes += walked.resident.bytes;
    if (pins_->Matching(walked.name) != nullptr) {
      ++summary_.pinned;
      summary_.pinned_bytes += walked.resident.bytes;
    }
    switch (walked.resident.residency) {
      case engine::Residency::kLocal:
        ++summary_.local;
        break;
      case engine::Residency::kBoth:
        ++summary_.both;
        break;
      case engine::Residency::kLake:
        ++summary_.lake;
        break;
      case engine::Residency::kPartial:
        ++summary_.partial;
        break;
    }
    co_return Result<>{};
  }
  const ContainerResidency& summary() const { return summary_; }

 private:
  const PinSetPtr pins_;
  ContainerResidency summary_;
};

// Pieces of names that no pin holds any more are candidates again.
class UnpinVisitor {
 public:
  UnpinVisitor(PlacementParts& parts, PinSetPtr pins) : parts_(parts), pins_(std::move(pins)) {}

  Task<> Visit(const WalkedName& walked, const WalkPage& page) {
    if (pins_->Matching(walked.name) != nullptr) co_return Result<>{};
    for (const WalkedPiece& piece : page.pieces) {
      if (piece.key.body() == walked.record.body.id) parts_.book.SetPinned(piece.key, false);
    }
    co_return Result<>{};
  }

 private:
  PlacementParts& parts_;
  const PinSetPtr pins_;
};

Task<> ReleaseUnpinned(PlacementParts& parts, AttachmentPtr attachment, std::string pattern) {
  OpContext context;
  context.cancel = parts.loop.token();
  FB_CO_ASSIGN_OR_RETURN(PinSetPtr pins,
                         co_await engine::ReadMeta(parts.services, [&](const kv::Reader& reader) {
                           return parts.pins.Of(reader, attachment->container);
                         }));
  UnpinVisitor visitor(parts, std::move(pins));
  co_return co_await ForEachMatch(parts, std::move(context), std::move(attachment),
                                  std::move(pattern), /*pieces=*/true, visitor);
}

}  // namespace

Task<std::uint64_t> Placement::Pin(OpContext context, engine::ContainerTarget target,
                                   std::string pattern, bool hydrate) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  FB_CO_RETURN_IF_ERROR(co_await parts_.services.store.Transact(
      [attachment, pattern, hydrate,
       now = parts_.services.clock.Now()](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        return AddPin(txn, attachment->container,
                      {.pattern = pattern, .since = now, .hydrate = hydrate});
      }));
  if (!hydrate) co_return std::uint64_t{0};
  co_return co_await parts_.prefetcher.Begin(std::move(context), std::move(attachment),
                                             std::move(pattern));
}

Task<> Placement::Unpin(OpContext context, engine::ContainerTarget target, std::string pattern) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  FB_CO_RETURN_IF_ERROR(co_await parts_.services.store.Transact(
      [attachment, pattern](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        return RemovePin(txn, attachment->container, pattern);
      }));
  parts_.loop.Spawn(ReleaseUnpinned(parts_, std::move(attachment), std::move(pattern)));
  co_return Result<>{};
}

Task<std::vector<PinStatus>> Placement::Pins(OpContext context, engine::ContainerTarget target) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  FB_CO_ASSIGN_OR_RETURN(meta::PinsRecord record,
                         co_await engine::ReadMeta(parts_.services, [&](const kv::Reader& reader) {
                           return LoadPins(reader, attachment->container);
                         }));
  co_return std::move(record.pins);
}

Task<std::uint64_t> Placement::StartPrefetch(OpContext context, engine::ContainerTarget target,
                                             std::string pattern) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  co_return co_await parts_.prefetcher.Begin(std::move(context), std::move(attachment),
                                             std::move(pattern));
}

Task<std::vector<PrefetchStatus>> Placement::Prefetches(OpContext context,
                                                        engine::ContainerTarget target) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  co_return co_await parts_.prefetcher.List(std::move(attachment));
}

Task<PrefetchStatus> Placement::Prefetch(OpContext context, engine::ContainerTarget target,
                                         std::uint64_t id) {
  FB_CO_ASSIGN_OR_RETURN(std::vector<PrefetchStatus> all,
                         co_await Prefetches(std::move(context), std::move(target)));
  for (PrefetchStatus& status : all) {
    if (status.record.id == id) co_return std::move(status);
  }
  co_return Fail(Code::kResourceNotFound, "There is no such prefetch job.");
}

Task<> Placement::CancelPrefetch(OpContext context, engine::ContainerTarget target,
                                 std::uint64_t id) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  co_return co_await parts_.prefetcher.Cancel(std::move(attachment), id);
}

Task<HydrateAnswer> Placement::Hydrate(OpContext context, engine::BlobTarget target) {
  auto brought = std::make_shared<Brought>();
  for (int look = 0; look < kMaxLooks; ++look) {
    FB_CO_ASSIGN_OR_RETURN(FoundBlob found, co_await FindBlob(parts_, context, target));
    HydrateAnswer answer{.bytes = found.record.length, .fetched = brought->stored};
    if (!found.record.body.in_lake) co_return answer;
    auto done =
        co_await parts_.bringer.Bring(context, found.attachment, found.name, found.record, brought);
    answer.fetched = brought->stored;
    if (done) co_return answer;
    if (done.error().code() == Code::kLimitExceeded) {
      co_return Fail(Code::kNoSpace, done.error().message());
    }
    if (done.error().code() != Code::kStale) co_return Fail(std::move(done.error()));
  }
  co_return Fail(Code::kServerBusy, "The blob changes faster than it can be fetched; try again.");
}

Task<EvictAnswer> Placement::EvictNow(OpContext context, engine::ContainerTarget target,
                                      std::string pattern) {
  FB_CO_RETURN_IF_ERROR(Glob::Parse(pattern));
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  EvictVisitor visitor(parts_, context, attachment);
  FB_CO_RETURN_IF_ERROR(co_await ForEachMatch(parts_, std::move(context), std::move(attachment),
                                              std::move(pattern), /*pieces=*/false, visitor));
  co_return visitor.answer();
}

Task<NameResidency> Placement::ResidencyOf(OpContext context, engine::BlobTarget target) {
  FB_CO_ASSIGN_OR_RETURN(const FoundBlob found,
                         co_await FindBlob(parts_, std::move(context), std::move(target)));
  NameResidency residency;
  residency.resident = found.resident;
  residency.length = found.record.length;
  residency.pinned = found.pinned_by != nullptr;
  if (residency.pinned) residency.pinned_by = *found.pinned_by;
  co_return residency;
}

Task<ContainerResidency> Placement::Summary(OpContext context, engine::ContainerTarget target) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, co_await AttachmentOf(parts_, target));
  FB_CO_ASSIGN_OR_RETURN(PinSetPtr pins,
                         co_await engine::ReadMeta(parts_.services, [&](const kv::Reader& reader) {
                           return parts_.pins.Of(reader, attachment->container);
                         }));
  SummaryVisitor visitor(std::move(pins));
  FB_CO_RETURN_IF_ERROR(co_await ForEachMatch(parts_, std::move(context), std::move(attachment),
                                              /*pattern=*/"", /*pieces=*/false, visitor));
  co_return visitor.summary();
}

CacheStatus Placement::Cache() const {
  CacheStatus status;
  parts_.evictor.Describe(status);
  return status;
}

}  // namespace forebay::tier
