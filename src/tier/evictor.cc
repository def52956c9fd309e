#include "tier/evictor.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/placement_records.h"
#include "tier/offload_log.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kVictimsAtATime = 64;
// Five keys each and one a run; the last run may add 63. The store takes 1,000.
constexpr std::size_t kExtentsPerTransaction = 96;
constexpr std::size_t kMaxRefused = 10'000;
constexpr std::size_t kHintPagesPerTransaction = 100;
constexpr std::chrono::seconds kWalkInterval{60};
constexpr std::chrono::seconds kUrgentWalkInterval{30};
constexpr std::chrono::seconds kHintInterval{30};

SteadyTime Now() { return std::chrono::steady_clock::now(); }

std::uint64_t Share(std::uint64_t whole, unsigned percent) {
  return whole / 100 * percent + whole % 100 * percent / 100;
}

std::uint64_t Above(std::uint64_t value, std::uint64_t mark) {
  return value > mark ? value - mark : 0;
}

Result<std::uint64_t> UnsentBytes(const kv::Reader& reader, const Attachments& attachments) {
  std::uint64_t sum = 0;
  for (const AttachmentPtr& attachment : attachments.All()) {
    if (!meta::LakeState{attachment->record.mode, false}.travels()) continue;
    FB_ASSIGN_OR_RETURN(const LogCounts counts, ReadCounts(reader, attachment->container));
    sum += counts.bytes;
  }
  return sum;
}

}  // namespace

std::string_view WatermarkName(Watermark watermark) {
  switch (watermark) {
    case Watermark::kBelow:
      return "below";
    case Watermark::kEvicting:
      return "evicting";
    case Watermark::kStuck:
      return "stuck";
  }
  return "below";
}

Evictor::Evictor(engine::Services& services, const Attachments& attachments, EvictionBook& book,
                 PinCache& pins, OverflowMover& mover, BackPressure& pressure, EvictOptions options)
    : services_(services),
      attachments_(attachments),
      book_(book),
      pins_(pins),
      mover_(mover),
      back_pressure_(pressure),
      options_(std::move(options)) {
  const std::uint64_t limit = options_.cache_bytes > 0
                                  ? Share(options_.cache_bytes, options_.high_percent)
                                  : std::numeric_limits<std::uint64_t>::max();
  book_.WakeAbove(limit, [this] { Wake(); });
}

void Evictor::Wake() {
  std::shared_ptr<Event> event;
  {
    std::lock_guard lock(wake_mutex_);
    event = wake_;
  }
  event->Set();
}

Task<> Evictor::Wait(OpContext context) {
  std::shared_ptr<Event> event;
  {
    std::lock_guard lock(wake_mutex_);
    event = wake_;
  }
  context.deadline = std::min(context.deadline, Now() + options_.interval);
  (void)co_await event->Wait(std::move(context));
  std::lock_guard lock(wake_mutex_);
  if (event->IsSet()) wake_ = std::make_shared<Event>();
  co_return Result<>{};
}

Task<> Evictor::Run(OpContext context) {
  BeginWalk();
  Code last{};
  while (!context.cancel.stop_requested()) {
    if (attachments_.All().empty()) {
      // Nothing here is a lake's: the disks need no look.
      walk_.reset();
      restored_ = true;
      back_pressure_.Look({});
      (void)co_await Wait(context);
      continue;
    }
    if (!walk_) (void)co_await Wait(context);
    auto done = co_await Pass(context);
    if (done && !walk_ && under_pressure_ && Now() - walked_ >= kWalkInterval) BeginWalk();
    if (done && walk_) done = co_await WalkSome(context, under_pressure_, false);
    if (done && Now() - hints_stored_ >= kHintInterval) done = co_await StoreHints(context);
    const Code code = done ? Code{} : done.error().code();
    if (done || code == Code::kCancelled) {
      last = code;
      continue;
    }
    ++failures_;
    if (std::exchange(last, code) != code) {
      Log(LogLevel::kWarn, "eviction interrupted", {{"error", done.error().ToString()}});
    }
    walk_.reset();
    (void)co_await Wait(context);
  }
  co_return Result<>{};
}

Task<Evictor::Pressure> Evictor::Measure() {
  Pressure pressure;
  if (options_.cache_bytes > 0) {
    const std::uint64_t bytes = book_.bytes();
    pressure.excess = Above(bytes, Share(options_.cache_bytes, options_.low_percent));
    pressure.above_high = bytes > Share(options_.cache_bytes, options_.high_percent);
  }
  DiskUse use;
  if (options_.disk) {
    FB_CO_ASSIGN_OR_RETURN(use, co_await services_.pool.Run([this] { return options_.disk(); }));
    disk_capacity_ = use.capacity;
    disk_used_ = use.used;
    pressure.excess =
        std::max(pressure.excess, Above(use.used, Share(use.capacity, options_.low_percent)));
    pressure.above_high =
        pressure.above_high || use.used > Share(use.capacity, options_.high_percent);
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t unsent,
                         co_await engine::ReadMetaOnPool(services_, [this](const auto& reader) {
                           return UnsentBytes(reader, attachments_);
                         }));
  back_pressure_.Look({.capacity = use.capacity,
                       .used = use.used,
                       .unsent = unsent,
                       .evictable = Above(book_.bytes(), book_.pinned_bytes()),
                       .sendable = mover_.may_have_work(),
                       .evicting = pressure.above_high && watermark_ != Watermark::kStuck});
  under_pressure_ = pressure.excess > 0 || options_.cache_bytes > 0;
  book_.SetCrowded(pressure.excess > 0);
  co_return pressure;
}

Task<> Evictor::Pass(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const Pressure pressure, co_await Measure());
  if (pressure.excess == 0 || (!pressure.above_high && !evicting_)) {
    (void)mover_.Want(0);
    evicting_ = false;
    watermark_ = Watermark::kBelow;
    co_return Result<>{};
  }
  evicting_ = true;
  if (watermark_ != Watermark::kStuck) watermark_ = Watermark::kEvicting;
  std::uint64_t left = pressure.excess;
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t freed, co_await GiveUp(context, left));
  left -= std::min(left, freed);
  if (left > 0 && WalkIsDue()) {
    // Nothing left to choose from: what was written here and has travelled since.
    BeginWalk();
    while (walk_ && left > 0) {
      FB_CO_RETURN_IF_ERROR(co_await WalkSome(context, /*adopt=*/true, /*unsettled=*/true));
      FB_CO_ASSIGN_OR_RETURN(freed, co_await GiveUp(context, left));
      left -= std::min(left, freed);
    }
  }
  // What is ours only may be sent somewhere. Nobody waits for that: a lake may be slow, or silent.
  const bool sends = mover_.Want(left);
  if (left == 0) {
    evicting_ = false;
    watermark_ = Watermark::kBelow;
    co_return Result<>{};
  }
  if (sends) co_return Result<>{};
  const bool stuck = pressure.above_high;
  if (stuck && watermark_ != Watermark::kStuck) {
    Log(LogLevel::kWarn,
        "the disk is above its high watermark, and nothing more may be given up: the rest is "
        "pinned or not yet in the lake",
        {{"excess_bytes", std::to_string(left)}});
  }
  watermark_ = stuck ? Watermark::kStuck : Watermark::kEvicting;
  co_return Result<>{};
}

// Some victims from `first` on, as many as fit.
Result<> Evictor::DropSome(kv::Transaction& txn, Batch& batch) {
  txn.MakesRoom();
  batch.steps.clear();
  std::size_t extents = 0;
  for (batch.next = batch.first; batch.next < batch.victims.size(); ++batch.next) {
    if (extents >= kExtentsPerTransaction) break;
    const EvictionKey key = batch.victims[batch.next].key;
    auto step = DropRunsStep(services_, txn, attachments_, pins_, key.body(), StartsOf(key),
                             kExtentsPerTransaction - extents);
    if (!step && step.error().code() == Code::kCorruption) {
      // fsck knows such records; one of them must not keep all others here.
      step = DropStep{.outcome = EvictOutcome::kLost};
    }
    if (!step) return Fail(std::move(step.error()));
    extents += step->extents;
    const bool more = step->more;
    batch.steps.push_back(std::move(*step));
    if (more) break;
  }
  return {};
}

// What the transaction did is counted; who was refused goes to `refused`, but for what is pinned.
std::uint64_t Evictor::Settle(const Batch& batch, std::vector<EvictionEntry>& refused) {
  std::uint64_t freed = 0;
  for (std::size_t i = 0; i < batch.steps.size(); ++i) {
    const EvictionEntry& victim = batch.victims[batch.first + i];
    const DropStep& step = batch.steps[i];
    freed += step.bytes;
    if (step.outcome == EvictOutcome::kDone && !step.more) ++evicted_pieces_;
    if (step.outcome == EvictOutcome::kPinned) {
      book_.PutBack(victim, /*pinned=*/true);
      ++refused_;
    }
    if (step.outcome == EvictOutcome::kUnsafe) {
      refused.push_back(victim);
      ++refused_;
    }
  }
  evicted_bytes_ += freed;
  return freed;
}

Task<std::uint64_t> Evictor::DropAll(OpContext context, std::vector<EvictionEntry> victims,
                                     std::vector<EvictionEntry>& refused) {
  auto batch = std::make_shared<Batch>();
  batch->victims = std::move(victims);
  std::uint64_t freed = 0;
  Result<> done;
  while (batch->first < batch->victims.size()) {
    if (done = context.Check(); !done) break;
    done = co_await services_.store.Transact(
        [this, batch](kv::Transaction& txn) { return DropSome(txn, *batch); },
        kv::Durability::kLazy);
    if (!done) break;
    freed += Settle(*batch, refused);
    batch->first = batch->next;
  }
  if (done) co_return freed;
  // Whatever it said, it may have been committed: what is here still goes back.
  for (; batch->first < batch->victims.size(); ++batch->first) {
    const EvictionEntry& victim = batch->victims[batch->first];
    const auto here =
        co_await engine::ReadMetaOnPool(services_, [key = victim.key](const kv::Reader& reader) {
          return RunsIn(reader, key.body(), StartsOf(key), 2);
        });
    const bool gone = here && std::ranges::none_of(*here, [&victim](const tier::Run& run) {
                        return StartsOf(victim.key).Contains(run.span.start);
                      });
    if (!gone) refused.push_back(victim);
  }
  co_return Fail(std::move(done.error()));
}

Task<std::uint64_t> Evictor::GiveUp(OpContext context, std::uint64_t bytes) {
  std::uint64_t freed = 0;
  std::vector<EvictionEntry> refused;
  Result<> failed;
  while (freed < bytes && refused.size() < kMaxRefused) {
    std::vector<EvictionEntry> victims = book_.Choose(bytes - freed, kVictimsAtATime);
    if (victims.empty()) break;
    auto dropped = co_await DropAll(context, std::move(victims), refused);
    if (!dropped) {
      failed = Fail(std::move(dropped.error()));
      break;
    }
    freed += *dropped;
  }
  // Only now: they would be chosen again at once.
  for (const EvictionEntry& entry : refused) book_.PutBack(entry, /*pinned=*/false);
  if (!failed) co_return Fail(std::move(failed.error()));
  co_return freed;
}

// A walk costs what a listing does. Where something has travelled since the last one, it will find
// something, and may take a tenth of the time.
bool Evictor::WalkIsDue() const {
  if (walked_ == SteadyTime{}) return true;
  const auto since = Now() - walked_;
  if (since >= kUrgentWalkInterval) return true;
  return back_pressure_.unsent() < unsent_at_walk_ && since >= 9 * (walked_ - walk_began_);
}

void Evictor::BeginWalk() {
  walk_began_ = Now();
  unsent_at_walk_ = back_pressure_.unsent();
  walk_.emplace();
  walk_->left = attachments_.All();
}

Task<> Evictor::WalkAll(OpContext context) {
  BeginWalk();
  while (walk_) FB_CO_RETURN_IF_ERROR(co_await WalkSome(context, under_pressure_, true));
  co_return Result<>{};
}

Task<> Evictor::WalkSome(OpContext context, bool adopt, bool unsettled) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  if (walk_->left.empty()) {
    walked_ = Now();
    walk_.reset();
    restored_ = true;
    co_return Result<>{};
  }
  const AttachmentPtr attachment = walk_->left.back();
  WalkRequest request;
  request.attachment = attachment;
  request.start = walk_->start;
  request.pieces = true;
  auto page = co_await Walk(services_, std::move(request));
  if (!page && page.error().code() != Code::kStale) co_return Fail(std::move(page.error()));
  const std::string next = page ? page->next : std::string();
  walk_->start = next;
  if (next.empty()) walk_->left.pop_back();
  if (!page) co_return Result<>{};
  co_return co_await Take(std::move(context), attachment, std::move(*page), adopt, unsettled);
}

bool Evictor::MayAdopt(const WalkedName& walked, bool unsettled) const {
  const meta::BlobRecord& record = walked.record;
  if (record.body.in_lake || !engine::LakeHolds(record)) return false;
  return unsettled || record.modified + options_.settle <= services_.clock.Now();
}

Task<> Evictor::Take(OpContext context, AttachmentPtr attachment, WalkPage page, bool adopt,
                     bool unsettled) {
  for (const WalkedPiece& piece : page.pieces) book_.Restore(piece.key, piece.bytes, piece.hint);
  for (const WalkedName& walked : page.names) {
    if (walked.home_missing) {
      FB_CO_RETURN_IF_ERROR(
          co_await WriteHome(services_, attachment, walked.name, walked.record.body.id));
    }
    if (!adopt || !MayAdopt(walked, unsettled)) continue;
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await AdoptOne(context, attachment, walked));
  }
  co_return Result<>{};
}

Task<> Evictor::AdoptOne(OpContext context, AttachmentPtr attachment, const WalkedName& walked) {
  FB_CO_ASSIGN_OR_RETURN(const Adopted adopted, co_await Adopt(services_, std::move(context), pins_,
                                                               {.attachment = attachment,
                                                                .name = walked.name,
                                                                .body = walked.record.body.id,
                                                                .keep_bytes = true}));
  if (adopted.outcome != EvictOutcome::kDone) co_return Result<>{};
  ++adopted_;
  for (const Span& run : adopted.runs) book_.Stored(adopted.body, run);
  co_return Result<>{};
}

Task<> Evictor::StoreHints(OpContext context) {
  hints_stored_ = Now();
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto pages = std::make_shared<
        std::map<std::pair<std::uint64_t, std::uint32_t>, std::vector<EvictionBook::Hint>>>();
    for (const EvictionBook::Hint& hint : book_.TakeHints(kHintPagesPerTransaction)) {
      const std::uint32_t page = hint.key.part() / meta::kEvictionHintsPerPage;
      (*pages)[{hint.key.body().value(), page}].push_back(hint);
    }
    if (pages->empty()) co_return Result<>{};
    FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
        [pages](kv::Transaction& txn) -> Result<> {
          for (const auto& [at, hints] : *pages) {
            const meta::BodyId body(at.first);
            // Without a home it was swept: nobody would take the page away.
            FB_ASSIGN_OR_RETURN(auto home, txn.Get(meta::keys::BodyHome(body)));
            if (!home) continue;
            const std::string key = meta::keys::EvictionHints(body, at.second);
            FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
            meta::EvictionHintsRecord record;
            if (stored) {
              FB_ASSIGN_OR_RETURN(record, meta::DecodeEvictionHints(*stored));
            }
            for (const EvictionBook::Hint& hint : hints) {
              const std::size_t i = hint.key.part() % meta::kEvictionHintsPerPage;
              if (record.hints.size() <= i) record.hints.resize(i + 1, '\0');
              record.hints[i] = static_cast<char>(hint.hint);
            }
            txn.Put(key, meta::Encode(record));
          }
          return {};
        },
        kv::Durability::kLazy));
  }
}

std::uint64_t Evictor::KeepableBytes() const {
  std::uint64_t keepable = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t pinned = book_.pinned_bytes();
  if (options_.cache_bytes > 0) {
    keepable = Above(Share(options_.cache_bytes, options_.low_percent), pinned);
  }
  if (const std::uint64_t capacity = disk_capacity_; capacity > 0) {
    // What is not ours to give up stays.
    const std::uint64_t others = Above(disk_used_, book_.bytes()) + pinned;
    keepable = std::min(keepable, Above(Share(capacity, options_.low_percent), others));
  }
  return keepable;
}

void Evictor::Describe(CacheStatus& status) const {
  book_.Describe(status);
  status.watermark = watermark_;
  status.cache_bytes = options_.cache_bytes;
  status.disk_capacity = disk_capacity_;
  status.disk_used = disk_used_;
  status.evicted_pieces = evicted_pieces_;
  status.evicted_bytes = evicted_bytes_;
  status.adopted_blobs = adopted_;
  status.refused_pieces = refused_;
  status.failures = failures_;
  status.unsent_bytes = back_pressure_.unsent();
  status.writes_held = back_pressure_.held();
  status.writes_refused = back_pressure_.refused();
  status.restored = restored_;
}

}  // namespace forebay::tier
