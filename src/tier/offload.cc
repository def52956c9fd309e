#include "tier/offload.h"

#include <algorithm>

#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/guard_record.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

// A log that is watched needs no asking; this is for what a watch might miss.
constexpr std::chrono::seconds kLookAgain{10};
// What another process has settled is not told to this one.
constexpr std::chrono::milliseconds kAskStore{500};

Ordering OrderingOf(const meta::AttachRecord& record) {
  return record.ordering == meta::Ordering::kRelaxed ? Ordering::kRelaxed : Ordering::kCommit;
}

}  // namespace

Offload::Offload(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
                 const OffloadOptions& options, ConflictHandler* conflicts, std::uint64_t owner)
    : services_(services),
      loop_(loop),
      attachment_(std::move(attachment)),
      options_(options),
      conflicts_(conflicts),
      lease_(services, attachment_->container, owner, options_.lease),
      writer_(services, loop, attachment_, options_),
      tree_work_{services, loop, attachment_, options_, lease_},
      trees_(tree_work_),
      order_(OrderingOf(attachment_->record)),
      guard_(options.deletes) {}

OpContext Offload::Context() const {
  OpContext context;
  context.cancel = loop_.token();
  return context;
}

Result<meta::ContainerRecord> Offload::ToSettle(kv::Transaction& txn) const {
  txn.MakesRoom();  // what leaves the log gives up what it held
  FB_RETURN_IF_ERROR(lease_.Check(txn));
  return AttachedContainer(txn, *attachment_);
}

void Offload::Wake() {
  std::shared_ptr<Event> event;
  {
    std::lock_guard lock(mutex_);
    event = wake_;
  }
  event->Set();
}

// --- Reading the log.

Task<> Offload::Begin(OpContext context) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  struct Start {
    LogCounts counts;
    std::optional<DeleteGuard::Saved> guard;
  };
  FB_CO_ASSIGN_OR_RETURN(
      const Start start,
      co_await engine::ReadMeta(services_, [this](const kv::Reader& reader) -> Result<Start> {
        Start found;
        FB_ASSIGN_OR_RETURN(found.counts, ReadCounts(reader, attachment_->container));
        FB_ASSIGN_OR_RETURN(found.guard, LoadGuard(reader, attachment_->container));
        return found;
      }));
  std::lock_guard lock(mutex_);
  if (begun_) co_return Result<>{};
  begun_ = true;
  stored_up_to_ = start.counts.erased;
  next_ = stored_up_to_ + 1;
  known_before_ = start.counts.noted;
  if (start.guard) guard_.Restore(*start.guard);
  co_return Result<>{};
}

void Offload::TakeIn(LogPage page) {
  const WallTime now = services_.clock.Now();
  for (LoggedChangePtr& change : page.entries) {
    next_ = change->number + 1;
    last_key_ = change->key;
    Slot& slot = window_[change->number];
    slot.change = change;
    slot.seen = now;
    // Done, or dropped by a conflict since this page was read.
    if (change->done() || void_.erase(change->number) != 0) {
      slot.state = State::kStored;
      continue;
    }
    Change ordered = OrderedChange(*change);
    ordered.maybe_sent = change->number <= known_before_;
    order_.Append(ordered);
    waiting_by_name_[change->record.name].insert(change->number);
    if (!change->record.from.empty()) {
      waiting_by_name_[change->record.from].insert(change->number);
    }
    if (change->record.kind == meta::ChangeKind::kDelete) ++deletes_waiting_;
  }
  log_end_ = page.end;
}

Task<> Offload::Refill(OpContext context) {
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    std::string after;
    ChangeNumber next = 0;
    std::size_t room = 0;
    {
      std::lock_guard lock(mutex_);
      if (window_.size() >= options_.window) co_return Result<>{};
      room = std::min<std::size_t>(options_.window - window_.size(), 512);
      after = last_key_;
      next = next_;
    }
    FB_CO_ASSIGN_OR_RETURN(LogPage page,
                           co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                             return ReadLog(reader, attachment_->container, after, next, room);
                           }));
    const bool end = page.end;
    std::vector<std::shared_ptr<Event>> ready;
    {
      std::lock_guard lock(mutex_);
      TakeIn(std::move(page));
      VisibleNowLocked({}, ready);
      ready.push_back(store_wake_);  // what was done already can be erased
    }
    for (const auto& event : ready) event->Set();
    if (end) co_return Result<>{};
    Pump();
  }
}

Task<> Offload::Run(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await lease_.Keep(context));
  FB_CO_RETURN_IF_ERROR(co_await Begin(context));
  if (!watch_) {
    watch_ = services_.store.Watch(meta::keys::Changes(attachment_->container), [this] { Wake(); });
  }
  {
    std::lock_guard lock(mutex_);
    if (!std::exchange(running_store_, true)) {
      loop_.Spawn(RunStore(shared_from_this(), context));
    }
  }
  Result<> done;
  while (done && !attachment_->detached) {
    auto wake = std::make_shared<Event>();
    {
      std::lock_guard lock(mutex_);
      if (stopped_) break;
      wake_ = wake;
    }
    done = co_await lease_.Keep(context);
    if (done) done = co_await Refill(context);
    if (!done) break;
    Pump();
    StageAhead();
    OpContext until = context;
    {
      std::lock_guard lock(mutex_);
      until.deadline = NextTimerLocked();
    }
    auto woken = co_await wake->Wait(until);
    if (!woken && woken.error().code() == Code::kCancelled) done = Fail(woken.error());
  }
  const bool taken_over = !done && done.error().code() == Code::kStale;
  if (taken_over) Stop();
  if (!attachment_->detached && !taken_over) co_return done;
  watch_.reset();
  co_return Fail(Code::kStale, "The container has been detached, or another process drains it.");
}

// --- Starting work.

SteadyTime Offload::NextTimerLocked() const {
  const SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime next = now + std::min<std::chrono::milliseconds>(kLookAgain, options_.lease / 6);
  // What might begin and has no room does so when something ends: that is no time to wake up at.
  const bool room = under_way_ < MostLocked();
  if (failures_ > 0 && (!ready_.empty() || order_.pending() > 0) && (room || hold_until_ > now)) {
    next = std::min(next, std::max(hold_until_, now + std::chrono::milliseconds(1)));
  }
  for (const JobPtr& job : later_) {
    const SteadyTime at = std::max(job->not_before, hold_until_);
    if (room || at > now) next = std::min(next, at);
  }
  return next;
}

// While the lake as a whole fails, one change at a time finds out whether it does still.
std::size_t Offload::MostLocked() const { return failures_ > 0 ? 1 : options_.concurrency; }

std::size_t Offload::LimitLocked(SteadyTime now) const {
  if (stopped_ || now < hold_until_ || !lease_.holds()) return 0;
  return MostLocked();
}

Offload::JobPtr Offload::NextLocked(SteadyTime now) {
  for (auto it = later_.begin(); it != later_.end(); ++it) {
    if ((*it)->not_before > now) continue;
    JobPtr job = std::move(*it);
    later_.erase(it);
    return job;
  }
  if (ready_.empty()) {
    for (ChangeWork& work : order_.Start(options_.concurrency)) {
      auto job = std::make_shared<Job>();
      std::vector<ChangeNumber> numbers = work.swallowed;
      numbers.push_back(work.last);
      for (const ChangeNumber number : numbers) {
        if (void_.erase(number) == 0) job->changes.push_back(window_.at(number).change);
      }
      job->work = std::move(work);
      ready_.push_back(std::move(job));
    }
  }
  if (ready_.empty()) return nullptr;
  JobPtr job = std::move(ready_.front());
  ready_.pop_front();
  return job;
}

void Offload::Pump() {
  // Nothing begins without the lease; Run renews it.
  if (!lease_.holds()) return Wake();
  std::vector<JobPtr> start;
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    const std::size_t limit = LimitLocked(now);
    while (under_way_ < limit) {
      JobPtr job = NextLocked(now);
      if (!job) break;
      if (job->changes.empty()) {  // dropped by a conflict meanwhile
        order_.Done(job->work.last);
        continue;
      }
      ++under_way_;
      start.push_back(std::move(job));
    }
  }
  for (JobPtr& job : start) loop_.Spawn(Drive(shared_from_this(), std::move(job)));
}

void Offload::StageAhead() {
  struct Wanted {
    std::string name;
    meta::BlobRecord blob;
    Staging staging;
  };
  std::vector<Wanted> wanted;
  {
    std::lock_guard lock(mutex_);
    // Nobody will ask for those; whoever is at one notices nothing.
    std::erase_if(staged_, [this](const auto& one) { return !order_.Has(one.first); });
    if (LimitLocked(std::chrono::steady_clock::now()) <= 1) return;
    for (const ChangeWork& work : order_.Ahead(options_.ahead)) {
      if (staged_.size() >= options_.ahead) break;
      if ((work.parts & kContentPart) == 0 || staged_.contains(work.last)) continue;
      if (void_.contains(work.last)) continue;
      const meta::ChangeRecord& change = window_.at(work.last).change->record;
      if (!writer_.GoesInBlocks(change.blob) || change.blob.body.in_lake) continue;
      Staging& staging = staged_[work.last];
      staging.idle = std::make_shared<Event>();
      wanted.push_back({work.name, change.blob, staging});
    }
  }
  for (Wanted& one : wanted) {
    loop_.Spawn(RunStaging(shared_from_this(), std::move(one.name), std::move(one.blob),
                           std::move(one.staging)));
  }
}

Task<> Offload::RunStaging(Self, std::string name, meta::BlobRecord blob, Staging staging) {
  // What fails here is tried again in its turn.
  (void)co_await writer_.Stage(std::move(name), std::move(blob), staging.body);
  staging.idle->Set();
  Wake();
  co_return Result<>{};
}

// --- What waits.

bool Offload::VisibleLocked(const std::string& name, ChangeNumber up_to) const {
  if (next_ <= up_to) return false;
  const auto waiting = waiting_by_name_.find(name);
  return waiting == waiting_by_name_.end() || *waiting->second.begin() > up_to;
}

// Empty `names`: whatever waits.
void Offload::VisibleNowLocked(const std::set<std::string>& names,
                               std::vector<std::shared_ptr<Event>>& ready) {
  std::erase_if(name_waiters_, [&](NameWaiter& waiter) {
    if (!names.empty() && !names.contains(waiter.name)) return false;
    if (!VisibleLocked(waiter.name, waiter.up_to)) return false;
    ready.push_back(std::move(waiter.event));
    return true;
  });
}

Task<> Offload::Sync(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const LogCounts counts,
                         co_await engine::ReadMeta(services_, [this](const kv::Reader& reader) {
                           return ReadCounts(reader, attachment_->container);
                         }));
  auto event = std::make_shared<Event>();
  {
    std::lock_guard lock(mutex_);
    if (begun_ && stored_up_to_ >= counts.noted) co_return Result<>{};
    if (!begun_ && counts.backlog() == 0) co_return Result<>{};
    sync_waiters_.push_back({counts.noted, event});
  }
  Wake();
  auto done = co_await AwaitSettled(std::move(context), event, counts.noted);
  std::lock_guard lock(mutex_);
  std::erase_if(sync_waiters_, [&](const SyncWaiter& waiter) { return waiter.event == event; });
  co_return done;
}

Task<> Offload::AwaitSettled(OpContext context, std::shared_ptr<Event> event, ChangeNumber up_to) {
  while (true) {
    OpContext a_while = context;
    a_while.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + kAskStore);
    auto done = co_await event->Wait(a_while);
    if (done) co_return done;
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_ASSIGN_OR_RETURN(const LogCounts counts,
                           co_await engine::ReadMeta(services_, [this](const kv::Reader& reader) {
                             return ReadCounts(reader, attachment_->container);
                           }));
    if (counts.erased >= up_to) co_return Result<>{};
  }
}

Task<> Offload::AwaitVisible(OpContext context, std::string name) {
  struct Now {
    ChangeNumber noted = 0;
    std::string name;
  };
  FB_CO_ASSIGN_OR_RETURN(
      const Now now,
      co_await engine::ReadMeta(services_, [this, &name](const kv::Reader& reader) -> Result<Now> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment_));
        Now found;
        FB_ASSIGN_OR_RETURN(found.name, meta::NamespaceOf(container).Normalize(name));
        FB_ASSIGN_OR_RETURN(const LogCounts counts, ReadCounts(reader, container.id));
        found.noted = counts.noted;
        return found;
      }));
  auto event = std::make_shared<Event>();
  {
    std::lock_guard lock(mutex_);
    if (begun_ && VisibleLocked(now.name, now.noted)) co_return Result<>{};
    name_waiters_.push_back({now.name, now.noted, event});
  }
  Wake();
  context.deadline =
      std::min(context.deadline, std::chrono::steady_clock::now() + options_.acknowledge_time);
  auto done = co_await AwaitSettled(std::move(context), event, now.noted);
  std::string why;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(name_waiters_, [&](const NameWaiter& waiter) { return waiter.event == event; });
    why = last_error_;
  }
  if (done || done.error().code() != Code::kDeadlineExceeded) co_return done;
  co_return Fail(Code::kOperationTimedOut,
                 "The change is stored here and will travel, but has not reached the lake in time" +
                     (why.empty() ? std::string(".") : ": " + why));
}

Result<OffloadStatus> Offload::status() const {
  FB_ASSIGN_OR_RETURN(const LogCounts counts,
                      ReadCounts(*services_.store.GetSnapshot(), attachment_->container));
  OffloadStatus status;
  status.changes = counts.backlog();
  status.bytes = counts.bytes;
  std::lock_guard lock(mutex_);
  const auto first = std::ranges::find_if(
      window_, [](const auto& entry) { return entry.second.state == State::kWaiting; });
  if (first != window_.end()) {
    const meta::ChangeRecord& change = first->second.change->record;
    const bool content = change.kind == meta::ChangeKind::kContent;
    status.oldest = content ? change.blob.modified : first->second.seen;
  }
  status.under_way = under_way_;
  status.sent_changes = sent_changes_;
  status.sent_bytes = sent_bytes_;
  const OffloadRate::PerSecond rate = rate_.At(std::chrono::steady_clock::now());
  status.changes_per_second = rate.changes;
  status.bytes_per_second = rate.bytes;
  status.last_error = last_error_;
  status.out_of_reach = out_of_reach_ && !last_error_.empty();
  status.deletes_waiting = deletes_waiting_;
  if (guard_.paused()) {
    status.deletes_paused =
        guard_.paused()->reason + " They wait until somebody agrees: forebay lake approve.";
  }
  for (const JobPtr& job : later_) {
    if (job->blocked.empty()) continue;
    if (status.blocked++ > 0) continue;
    status.blocked_name = job->work.name;
    status.blocked_error = job->blocked;
  }
  return status;
}

}  // namespace forebay::tier
