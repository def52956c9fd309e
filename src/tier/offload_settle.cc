// What the offload does where the lake has something that it did not expect (see tier/offload.h,
// tier/conflict_handler.h).
#include <algorithm>

#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "tier/live_names.h"
#include "tier/offload.h"

namespace forebay::tier {
namespace {

// Entries that one transaction releases beside the decision itself.
constexpr std::size_t kDroppedAtATime = 30;
constexpr std::size_t kScanAtATime = 500;

}  // namespace

Task<> Offload::Settle(JobPtr job, ForeignBlob foreign) {
  const std::string why = "Somebody else changed it in the lake, and no decision has been made: " +
                          foreign.error.message();
  if (conflicts_ == nullptr) {
    Refused(std::move(job), why);
    co_return Result<>{};
  }
  Conflict conflict{
      .attachment = attachment_,
      .name = foreign.name,
      .change = job->changes.back()->record,
      .content = HoldsBody(job->changes.back()->record) || (job->work.parts & kContentPart) != 0,
      .expected = lake::ETag(foreign.expected),
      .theirs = foreign.theirs,
      .error = foreign.error};
  FB_CO_ASSIGN_OR_RETURN(ConflictDecision decision,
                         co_await conflicts_->Decide(Context(), std::move(conflict)));
  switch (decision.action) {
    case ConflictDecision::Action::kWait:
      Refused(std::move(job), why);
      co_return Result<>{};
    case ConflictDecision::Action::kOurs:
      co_return co_await TakeOurs(std::move(job), std::move(foreign), std::move(decision));
    case ConflictDecision::Action::kTheirs:
      co_return co_await TakeTheirs(std::move(job), std::move(foreign), std::move(decision));
  }
  co_return Fail(Code::kInternal, "A conflict was decided in no known way.");
}

Task<> Offload::TakeOurs(JobPtr job, ForeignBlob foreign, ConflictDecision decision) {
  const std::string etag = foreign.theirs ? foreign.theirs->etag().str() : std::string();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, name = foreign.name, etag, commit = decision.commit,
       holder = job->changes.back()->record.holder.value()](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
        if (commit) FB_RETURN_IF_ERROR(commit(txn));
        return StoreUnder(services_, txn, container, name, holder, etag);
      }));
  std::lock_guard lock(mutex_);
  job->under[foreign.name] = etag;
  ++job->failures;  // it is not fresh any more
  --under_way_;
  ready_.push_front(std::move(job));
  co_return Result<>{};
}

// All entries of the log that touch the name, ascending; those beyond the window too.
Task<std::vector<LoggedChangePtr>> Offload::ChangesOf(std::string name) {
  auto found = std::make_shared<std::vector<LoggedChangePtr>>();
  auto after = std::make_shared<std::string>();
  auto next = std::make_shared<ChangeNumber>();
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, slot] : window_) {
      const meta::ChangeRecord& change = slot.change->record;
      if (slot.state != State::kWaiting) continue;
      if (change.name == name || change.from == name) found->push_back(slot.change);
    }
    *after = last_key_;
    *next = next_;
  }
  auto end = std::make_shared<bool>(false);
  while (!*end) {
    FB_CO_RETURN_IF_ERROR(Context().Check());
    FB_CO_RETURN_IF_ERROR(co_await engine::ReadMetaOnPool(
        services_, [this, name, found, after, next, end](const kv::Reader& reader) -> Result<> {
          FB_ASSIGN_OR_RETURN(LogPage page,
                              ReadLog(reader, attachment_->container, *after, *next, kScanAtATime));
          for (LoggedChangePtr& change : page.entries) {
            *after = change->key;
            *next = change->number + 1;
            if (change->record.name == name || change->record.from == name) {
              found->push_back(std::move(change));
            }
          }
          *end = page.end;
          return {};
        }));
  }
  co_return std::move(*found);
}

void Offload::DroppedLocked(const std::vector<LoggedChangePtr>& changes,
                            std::vector<std::shared_ptr<Event>>& ready) {
  std::set<std::string> names;
  for (const LoggedChangePtr& change : changes) {
    const auto slot = window_.find(change->number);
    // Of one beyond the window, which may be on its way in.
    if (slot == window_.end() && change->number >= next_) void_.insert(change->number);
    if (slot == window_.end() || slot->second.state != State::kWaiting) continue;
    slot->second.state = State::kStored;
    void_.insert(change->number);
    for (const std::string* name : {&change->record.name, &change->record.from}) {
      const auto waiting = waiting_by_name_.find(*name);
      if (waiting == waiting_by_name_.end()) continue;
      waiting->second.erase(change->number);
      if (waiting->second.empty()) waiting_by_name_.erase(waiting);
      names.insert(*name);
    }
    if (change->record.kind == meta::ChangeKind::kDelete) --deletes_waiting_;
  }
  if (!names.empty()) VisibleNowLocked(names, ready);
}

Task<> Offload::TakeTheirs(JobPtr job, ForeignBlob foreign, ConflictDecision decision) {
  FB_CO_ASSIGN_OR_RETURN(std::vector<LoggedChangePtr> changes, co_await ChangesOf(foreign.name));
  for (const LoggedChangePtr& own : job->changes) {
    if (std::ranges::find(changes, own->number, [](const auto& c) { return c->number; }) ==
        changes.end()) {
      changes.push_back(own);
    }
  }
  std::ranges::sort(changes, {}, [](const auto& change) { return change->number; });
  auto dropped = std::make_shared<FinishedWork>();
  dropped->work = job->work;
  dropped->changes = changes;
  dropped->dropped = true;
  while (dropped->changes.size() - dropped->released > kDroppedAtATime) {
    FB_CO_RETURN_IF_ERROR(co_await ReleaseAhead(dropped));
  }
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, dropped, name = foreign.name, commit = decision.commit,
       holder = job->changes.back()->record.holder.value()](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *attachment_));
        FB_ASSIGN_OR_RETURN(const std::uint64_t newest, NewestOf(txn, container, name, holder));
        const bool known = newest == 0 || std::ranges::any_of(dropped->changes, [&](const auto& c) {
                             return c->record.holder.value() == newest;
                           });
        // Another change of the name came in: it is asked about as well.
        if (!known) return Fail(Code::kServerBusy, "The blob is being changed.");
        if (commit) FB_RETURN_IF_ERROR(commit(txn));
        FB_RETURN_IF_ERROR(
            StoreFinished(services_, txn, container, *dropped, services_.clock.Now()));
        for (const LoggedChangePtr& change : dropped->changes) {
          FB_RETURN_IF_ERROR(MarkDone(txn, change->key));
        }
        return {};
      }));
  std::vector<std::shared_ptr<Event>> ready;
  std::shared_ptr<Event> store;
  {
    std::lock_guard lock(mutex_);
    overlay_.erase(foreign.name);
    DroppedLocked(dropped->changes, ready);
    for (const LoggedChangePtr& own : job->changes) void_.erase(own->number);
    order_.Done(job->work.last);
    staged_.erase(job->work.last);
    --under_way_;
    store = store_wake_;
  }
  for (const auto& event : ready) event->Set();
  store->Set();
  co_return Result<>{};
}

}  // namespace forebay::tier
