// One piece of work of the offload, from the order's go to what came of it (see tier/offload.h).
#include <algorithm>

#include "base/log.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/live_names.h"
#include "tier/offload.h"
#include "tier/tree_delete.h"

namespace forebay::tier {
namespace {

using lake::Failure;

// A share of the container's blobs is not looked at below this many deletes.
constexpr std::size_t kNamesAtATime = 2'000;

// The lake as a whole is in trouble, not this one change.
bool IsOfTheLake(Failure failure) {
  return failure == Failure::kUnreachable || failure == Failure::kForbidden ||
         failure == Failure::kContainerMissing || failure == Failure::kClockSkew ||
         failure == Failure::kThrottled;
}

bool MayPass(Failure failure) {
  return lake::IsTransient(failure) || failure == Failure::kUnknownOutcome ||
         failure == Failure::kStopped || failure == Failure::kPrecondition ||
         failure == Failure::kInvalidBlocks;
}

bool Touches(const ChangeWork& work, const std::string& name) {
  if (name.empty()) return false;
  return name == work.name || name == work.from ||
         std::ranges::find(work.gone, name) != work.gone.end();
}

}  // namespace

Task<> Offload::Drive(Self self, JobPtr job) {
  if (job->dropped) {
    const auto left = co_await HasLeftTheLog(job);
    if (!left || *left) {
      if (left) {
        LeftTheLog(job, *job->dropped);
      } else {
        Failed(std::move(job), left.error());
      }
      Pump();
      co_return Result<>{};
    }
    job->dropped.reset();
  }
  auto outcome = co_await Attempt(job);
  if (!outcome) {
    Failed(std::move(job), std::move(outcome.error()));
  } else if (!*outcome) {
    Park(std::move(job));
  } else if ((*outcome)->foreign) {
    auto settled = (*outcome)->said ? co_await StoreSaid(job, *(*outcome)->said) : Result<>{};
    if (settled) settled = co_await Settle(job, std::move(*(*outcome)->foreign));
    if (!settled) Unsettled(std::move(job), std::move(settled.error()));
  } else {
    Finished(std::move(job), std::move(**outcome));
  }
  Pump();
  co_return Result<>{};
}

Task<> Offload::StoreSaid(JobPtr job, std::string etag) {
  co_return co_await services_.store.Transact([this, job, etag](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
    const std::uint64_t holder = job->changes.back()->record.holder.value();
    return StoreSource(services_, txn, container, job->work, holder, etag);
  });
}

// What the lake has under the name: as decided for this job, as visible and not stored yet, or as
// stored.
Task<KnownUnder> Offload::Under(JobPtr job, std::string name) {
  {
    std::lock_guard lock(mutex_);
    if (const auto it = job->under.find(name); it != job->under.end())
      co_return KnownUnder{it->second};
    if (const auto it = overlay_.find(name); it != overlay_.end())
      co_return KnownUnder{it->second.etag};
  }
  const std::uint64_t holder = job->changes.back()->record.holder.value();
  co_return co_await engine::ReadMeta(
      services_, [this, name, holder](const kv::Reader& reader) -> Result<KnownUnder> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment_));
        return UnderName(reader, container, name, holder);
      });
}

// Blocks that went ahead; whoever is still at it finishes first.
Task<std::shared_ptr<StagedBody>> Offload::TakeStaged(JobPtr job) {
  Staging staging;
  {
    std::lock_guard lock(mutex_);
    auto it = staged_.find(job->work.last);
    if (it == staged_.end()) co_return std::make_shared<StagedBody>();
    staging = it->second;
  }
  if (staging.idle) FB_CO_RETURN_IF_ERROR(co_await staging.idle->Wait(Context()));
  co_return staging.body;
}

// nullopt: it deletes, and deletes are paused.
Task<std::optional<WriteOutcome>> Offload::Attempt(JobPtr job) {
  auto attempt = std::make_shared<WorkAttempt>();
  attempt->work = job->work;
  attempt->changes = job->changes;
  attempt->source_changed = job->source_changed;
  if (job->work.kind == ChangeKind::kBarrier) co_return co_await AttemptTree(job);
  FB_CO_ASSIGN_OR_RETURN(const KnownUnder under, co_await Under(job, job->work.name));
  attempt->target_gone = under.gone;
  if (!under.gone) attempt->under = under.etag;
  if (!job->work.from.empty()) {
    FB_CO_ASSIGN_OR_RETURN(KnownUnder from, co_await Under(job, job->work.from));
    if (!from.gone) {
      attempt->under_from = from.etag;
    } else if (!attempt->target_gone) {
      FB_CO_RETURN_IF_ERROR(co_await NoteDetached(services_, attachment_));
      FB_CO_ASSIGN_OR_RETURN(from, co_await Under(job, job->work.from));
      FB_CO_RETURN_IF_ERROR(co_await writer_.FindSource(attempt, from.etag));
    }
  }
  for (const std::string& name : job->work.gone) {
    FB_CO_ASSIGN_OR_RETURN(const KnownUnder gone, co_await Under(job, name));
    attempt->under_gone.push_back(gone.gone ? std::string() : gone.etag);
  }
  const bool deletes = job->work.kind == ChangeKind::kDelete || attempt->target_gone;
  const bool there =
      !attempt->under.empty() || (attempt->target_gone && !attempt->under_from.empty()) ||
      std::ranges::any_of(attempt->under_gone, [](const auto& e) { return !e.empty(); });
  if (deletes && there) {
    FB_CO_ASSIGN_OR_RETURN(const bool may, co_await MayDelete(1));
    if (!may) co_return std::nullopt;
  }
  {
    std::lock_guard lock(mutex_);
    for (auto it = window_.upper_bound(job->work.last); it != window_.end(); ++it) {
      const meta::ChangeRecord& change = it->second.change->record;
      if (it->first > known_before_) break;
      if (OrderedChange(*it->second.change).kind == ChangeKind::kBarrier) break;
      const bool touches = Touches(job->work, change.name) || Touches(job->work, change.from);
      if (it->second.state == State::kWaiting && touches) {
        attempt->later.push_back(it->second.change);
      }
    }
    attempt->fresh = job->failures == 0 && job->changes.front()->number > known_before_;
  }
  FB_CO_ASSIGN_OR_RETURN(attempt->staged, co_await TakeStaged(job));
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome outcome, co_await writer_.Write(std::move(attempt)));
  co_return outcome;
}

// A change of a whole directory: all before it is stored, nothing behind it has begun.
Task<std::optional<WriteOutcome>> Offload::AttemptTree(JobPtr job) {
  auto stored = std::make_shared<Event>();
  bool wait = false;
  {
    std::lock_guard lock(mutex_);
    wait = stored_up_to_ + 1 < job->work.last;
    if (wait) sync_waiters_.push_back({job->work.last - 1, stored});
  }
  if (wait) FB_CO_RETURN_IF_ERROR(co_await stored->Wait(Context()));
  const meta::ChangeRecord change = job->changes.back()->record;
  if (change.kind == meta::ChangeKind::kDeleteTree) {
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t below,
                           co_await trees_.CountBelow(change.name, guard_limit()));
    if (below > 0) {
      FB_CO_ASSIGN_OR_RETURN(const bool may, co_await MayDelete(below));
      if (!may) co_return std::nullopt;
    }
    TreeDelete tree(tree_work_, conflicts_, change);
    FB_CO_RETURN_IF_ERROR(co_await tree.Run());
    co_return WriteOutcome{};
  }
  WriteOutcome outcome;
  auto moved = co_await trees_.Rename(change.from, change.name, change.holder.value());
  if (moved) {
    FB_CO_ASSIGN_OR_RETURN(KnownUnder under, co_await Under(job, change.name));
    outcome.etag = std::move(under.etag);
    co_return outcome;
  }
  if (moved.error().code() != Code::kPathConflict) co_return Fail(std::move(moved.error()));
  // A file where a directory is to be: for people.
  outcome.foreign = {change.name, {}, std::nullopt, std::move(moved.error())};
  auto there =
      co_await attachment_->lake->Head(tree_work_.Call(), {.name = lake::BlobName(change.name)});
  if (there) outcome.foreign->theirs = std::move(*there);
  co_return outcome;
}

// --- What came of it.

std::string Offload::MovedOnToLocked(const ChangeWork& work) const {
  if (work.kind != ChangeKind::kRename) return {};
  std::string name = work.name;
  for (auto it = window_.upper_bound(work.last); it != window_.end(); ++it) {
    if (it->second.state != State::kWaiting) continue;  // it has left the log with a decision
    const meta::ChangeRecord& change = it->second.change->record;
    if (change.kind == meta::ChangeKind::kRename && change.from == name) name = change.name;
  }
  return name == work.name ? std::string() : name;
}

void Offload::Finished(JobPtr job, WriteOutcome outcome) {
  const ChangeWork& work = job->work;
  const meta::ChangeRecord& last = job->changes.back()->record;
  auto finished = std::make_shared<FinishedWork>();
  finished->etag = outcome.etag;
  finished->body = outcome.body;
  finished->unbound = outcome.unbound;
  finished->left = outcome.left;
  std::vector<std::shared_ptr<Event>> ready;
  std::shared_ptr<Event> store;
  {
    std::lock_guard lock(mutex_);
    finished->moved_on_to = MovedOnToLocked(work);
    if (!outcome.left) overlay_[work.name] = {outcome.etag, work.last};
    if (!work.from.empty() && work.from != work.name) overlay_[work.from] = {"", work.last};
    for (const std::string& name : work.gone) overlay_[name] = {"", work.last};
    order_.Done(work.last);
    staged_.erase(work.last);
    std::set<std::string> names;
    for (const LoggedChangePtr& change : job->changes) {
      window_.at(change->number).state = State::kVisible;
      for (const std::string* name : {&change->record.name, &change->record.from}) {
        const auto waiting = waiting_by_name_.find(*name);
        if (waiting == waiting_by_name_.end()) continue;
        waiting->second.erase(change->number);
        if (waiting->second.empty()) waiting_by_name_.erase(waiting);
        names.insert(*name);
      }
      if (change->record.kind == meta::ChangeKind::kDelete) --deletes_waiting_;
    }
    const std::uint64_t bytes = (work.parts & kContentPart) != 0 ? last.blob.length : 0;
    sent_changes_ += job->changes.size();
    sent_bytes_ += bytes;
    rate_.Add(std::chrono::steady_clock::now(), bytes);
    failures_ = 0;
    last_error_.clear();
    hold_until_ = {};
    finished->work = work;
    finished->changes = std::move(job->changes);
    finished_.push_back(std::move(finished));
    --under_way_;
    VisibleNowLocked(names, ready);
    store = store_wake_;
  }
  for (const auto& event : ready) event->Set();
  store->Set();
}

void Offload::Refused(JobPtr job, std::string why) {
  {
    std::lock_guard lock(mutex_);
    ++job->failures;
    job->not_before = std::chrono::steady_clock::now() + options_.Pause(job->failures);
    if (job->blocked != why) {
      Log(LogLevel::kWarn, "the lake does not take a change",
          {{"container", attachment_->record.container}, {"blob", job->work.name}, {"error", why}});
    }
    job->blocked = std::move(why);
    --under_way_;
    later_.push_back(std::move(job));
  }
  Wake();  // there is another time to wake up at
}

void Offload::Failed(JobPtr job, Error error) {
  const Failure failure = lake::Classify(error);
  const bool stopping = loop_.token().stop_requested() || error.code() == Code::kStale;
  if (stopping) return Stop();
  if (!IsOfTheLake(failure) && !MayPass(failure)) {
    return Refused(std::move(job), lake::Advise(error));
  }
  {
    std::lock_guard lock(mutex_);
    --under_way_;
    ++job->failures;
    const SteadyTime now = std::chrono::steady_clock::now();
    std::string why = lake::Advise(error);
    if (last_error_ != why && IsOfTheLake(failure)) {
      Log(LogLevel::kWarn, "offload interrupted",
          {{"container", attachment_->record.container}, {"error", error.ToString()}});
    }
    last_error_ = std::move(why);
    out_of_reach_ = failure == Failure::kUnreachable;
    if (IsOfTheLake(failure)) {
      // All that were on their way fail of the same: that counts once.
      if (now >= hold_until_) ++failures_;
      hold_until_ =
          std::max(hold_until_, now + std::max(error.retry_after(), options_.Pause(failures_)));
      ready_.push_front(std::move(job));
    } else {
      job->not_before = now + options_.Pause(job->failures);
      later_.push_back(std::move(job));
    }
  }
  Wake();
}

// What is here changes while it is decided about: nothing that the lake could help.
void Offload::Unsettled(JobPtr job, Error error) {
  const bool changes = error.code() == Code::kServerBusy || error.code() == Code::kConditionNotMet;
  if (!changes || loop_.token().stop_requested()) {
    return Failed(std::move(job), std::move(error));
  }
  {
    std::lock_guard lock(mutex_);
    --under_way_;
    ++job->failures;
    job->not_before = std::chrono::steady_clock::now() + options_.Pause(job->failures);
    last_error_ = error.message();
    later_.push_back(std::move(job));
  }
  Wake();
}

// The process ends, or the container was detached: whatever is under way comes to nothing here.
void Offload::Stop() {
  std::shared_ptr<Event> wake, store;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    wake = wake_;
    store = store_wake_;
  }
  wake->Set();
  store->Set();
}

// --- Deletes.

// Names of the container, up to so many.
Task<std::uint64_t> Offload::CountBlobs(std::uint64_t up_to) {
  auto start = std::make_shared<std::string>();
  std::uint64_t count = 0;
  do {
    FB_CO_RETURN_IF_ERROR(Context().Check());
    FB_CO_ASSIGN_OR_RETURN(
        const std::uint64_t some,
        co_await engine::ReadMetaOnPool(
            services_, [this, start](const kv::Reader& reader) -> Result<std::uint64_t> {
              FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                  AttachedContainer(reader, *attachment_));
              auto cursor = meta::NamespaceOf(container).List(reader, container.id, "");
              if (!start->empty()) cursor->Seek(*start);
              start->clear();
              std::uint64_t seen = 0;
              for (; cursor->Valid(); cursor->Next(), ++seen) {
                if (seen == kNamesAtATime) {
                  *start = cursor->name();
                  break;
                }
              }
              FB_RETURN_IF_ERROR(cursor->status());
              return seen;
            }));
    count += some;
  } while (!start->empty() && count < up_to);
  co_return count;
}

Task<bool> Offload::MayDelete(std::uint64_t deletes) {
  DeleteDemand demand;
  demand.deletes = deletes;
  bool count = false;
  const WallTime now = services_.clock.Now();
  {
    std::lock_guard lock(mutex_);
    demand.waiting = std::max(deletes_waiting_ + deletes - 1, deletes);
    const std::uint64_t gone = guard_.in_window(now) + demand.waiting;
    count = !guard_.paused() && options_.deletes.share < 1.0 && gone >= options_.deletes.share_from;
    if (count && options_.deletes.share > 0) {
      demand.blobs_left =
          static_cast<std::uint64_t>(static_cast<double>(gone) / options_.deletes.share) + 1;
    }
  }
  if (count) {
    FB_CO_ASSIGN_OR_RETURN(demand.blobs_left, co_await CountBlobs(demand.blobs_left));
  }
  DeleteGuard::Saved saved;
  std::optional<std::string> paused_now;
  {
    std::lock_guard lock(mutex_);
    const bool was_paused = guard_.paused().has_value();
    if (guard_.Ask(demand, now) == DeleteVerdict::kAllowed) {
      guard_dirty_ = true;
      co_return true;
    }
    if (!was_paused) paused_now = guard_.paused()->reason;
    saved = guard_.Save(now);
  }
  // Without the record a restart would ask the guard anew, and pause again.
  if (paused_now) FB_CO_RETURN_IF_ERROR(co_await SaveGuard(saved, *paused_now, true));
  co_return false;
}

void Offload::Park(JobPtr job) {
  std::lock_guard lock(mutex_);
  --under_way_;
  if (guard_.paused()) {
    parked_.push_back(std::move(job));
  } else {
    ready_.push_back(std::move(job));  // somebody agreed meanwhile
  }
}

Task<> Offload::ApproveDeletes(OpContext context, std::uint64_t agreed) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  DeleteGuard::Saved saved;
  {
    std::lock_guard lock(mutex_);
    if (!guard_.Approve(agreed)) co_return Fail(Code::kResourceNotFound, "Deletes are not paused.");
    saved = guard_.Save(services_.clock.Now());
  }
  FB_CO_RETURN_IF_ERROR(co_await SaveGuard(
      saved, "Somebody agreed to " + std::to_string(agreed) + " deletes.", false));
  {
    std::lock_guard lock(mutex_);
    for (JobPtr& job : parked_) ready_.push_back(std::move(job));
    parked_.clear();
  }
  Pump();
  co_return Result<>{};
}

}  // namespace forebay::tier
