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

// Changes of one name beyond this that are superseded anyway leave the log ahead of the decision.
constexpr std::size_t kDroppedAtATime = 30;
constexpr std::size_t kScanAtATime = 500;
// How often the search goes on at once, for what was noted of the name while the decision was
// stored.
constexpr int kSearches = 200;

std::set<ChangeNumber> NumbersOf(const ChangeWork& work) {
  std::set<ChangeNumber> numbers(work.swallowed.begin(), work.swallowed.end());
  numbers.insert(work.last);
  return numbers;
}

}  // namespace

Task<std::string> Offload::NameHere(JobPtr job, std::string said) {
  const std::uint64_t holder = job->changes.back()->record.holder.value();
  co_return co_await engine::ReadMeta(
      services_, [this, said, holder](const kv::Reader& reader) -> Result<std::string> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment_));
        FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
        return trees.Here(said, holder);
      });
}

Task<> Offload::Settle(JobPtr job, ForeignBlob foreign) {
  const std::string why = "Somebody else changed it in the lake, and no decision has been made: " +
                          foreign.error.message();
  if (conflicts_ == nullptr) {
    Refused(std::move(job), why);
    co_return Result<>{};
  }
  // Of a whole directory: what stands in its way has that name in the lake, wherever it went since.
  const bool tree = job->work.kind == ChangeKind::kBarrier;
  std::string here = foreign.name;
  if (!tree) {
    FB_CO_ASSIGN_OR_RETURN(here, co_await NameHere(job, foreign.name));
  }
  if (here.empty()) co_return Fail(Code::kServerBusy, "Its directory has been deleted.");
  Conflict conflict{
      .attachment = attachment_,
      .name = here,
      .change = job->changes.back()->record,
      .content = HoldsBody(job->changes.back()->record) || (job->work.parts & kContentPart) != 0,
      .expected = lake::ETag(foreign.expected),
      .theirs = foreign.theirs,
      .error = foreign.error};
  FB_CO_ASSIGN_OR_RETURN(ConflictDecision decision,
                         co_await conflicts_->Decide(Context(), std::move(conflict)));
  // It stays in the log: all that is noted behind it goes by the names that it makes.
  if (tree) decision.action = ConflictDecision::Action::kWait;
  switch (decision.action) {
    case ConflictDecision::Action::kWait:
      Refused(std::move(job), decision.why.empty() ? why : decision.why);
      co_return Result<>{};
    case ConflictDecision::Action::kOurs:
      co_return co_await TakeOurs(std::move(job), std::move(foreign), std::move(decision));
    case ConflictDecision::Action::kTheirs:
      co_return co_await TakeTheirs(std::move(job), std::move(foreign), std::move(here),
                                    std::move(decision));
  }
  co_return Fail(Code::kInternal, "A conflict was decided in no known way.");
}

Task<> Offload::TakeOurs(JobPtr job, ForeignBlob foreign, ConflictDecision decision) {
  const std::string etag = foreign.theirs ? foreign.theirs->etag().str() : std::string();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, name = foreign.name, etag, commit = decision.commit,
       holder = job->changes.back()->record.holder.value()](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
        if (commit) FB_RETURN_IF_ERROR(commit(txn, {}));
        return StoreUnder(services_, txn, container, name, holder, etag);
      }));
  {
    std::lock_guard lock(mutex_);
    job->under[foreign.name] = etag;
    if (foreign.name == job->work.from) job->source_changed = true;
    --under_way_;
    // The first time at once; one that goes round and round is not to keep others from working.
    const bool again = job->failures++ > 0;
    const auto pause = again ? options_.Pause(job->failures) : std::chrono::milliseconds(0);
    job->not_before = std::chrono::steady_clock::now() + pause;
    later_.push_back(std::move(job));
  }
  Wake();
  co_return Result<>{};
}

// All that a decision about a name takes out of the log; also beyond the window.
struct Offload::Search {
  DropScan scan;
  std::uint64_t newest_tree = 0;
  std::string after;  // the last key that was seen
  ChangeNumber next = 0;

  DroppedChanges Found() const {
    DropScan seen = scan;
    return seen.Finish();
  }
};

Task<std::shared_ptr<Offload::Search>> Offload::BeginSearch(JobPtr job, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(const PendingTrees trees, co_await Trees());
  auto search = std::make_shared<Search>(
      Search{DropScan(std::move(name), NumbersOf(job->work), trees), trees.newest(), {}, 0});
  const std::lock_guard lock(mutex_);
  SeeWindowLocked(*search);
  co_return search;
}

// What is in memory, from where the search is: the work that met the conflict is always there.
void Offload::SeeWindowLocked(Search& search) const {
  for (auto it = window_.lower_bound(search.next); it != window_.end(); ++it) {
    const LoggedChangePtr& change = it->second.change;
    const bool waiting = it->second.state == State::kWaiting;
    // Names are others behind a directory that moved since: whoever goes on searching says so.
    const meta::ChangeKind kind = change->record.kind;
    const bool tree =
        kind == meta::ChangeKind::kRenameTree || kind == meta::ChangeKind::kDeleteTree;
    if (waiting && tree && change->record.holder.value() > search.newest_tree) return;
    if (waiting) search.scan.See(change);
    search.after = change->key;
    search.next = it->first + 1;
  }
}

Task<> Offload::GoOnSearching(JobPtr job, std::shared_ptr<Search> search) {
  auto end = std::make_shared<bool>(false);
  while (!*end) {
    FB_CO_RETURN_IF_ERROR(Context().Check());
    FB_CO_RETURN_IF_ERROR(co_await engine::ReadMetaOnPool(
        services_, [this, search, end](const kv::Reader& reader) -> Result<> {
          FB_ASSIGN_OR_RETURN(LogPage page, ReadLog(reader, attachment_->container, search->after,
                                                    search->next, kScanAtATime));
          for (const LoggedChangePtr& change : page.entries) {
            search->after = change->key;
            search->next = change->number + 1;
            search->scan.See(change);
          }
          *end = page.end;
          return {};
        }));
    while (search->scan.size() > kDroppedAtATime) {
      FB_CO_ASSIGN_OR_RETURN(const std::vector<LoggedChangePtr> gone,
                             co_await ReleaseSuperseded(job, search->Found()));
      if (gone.empty()) break;
      search->scan.Forget(gone);
    }
  }
  FB_CO_ASSIGN_OR_RETURN(const PendingTrees trees, co_await Trees());
  if (trees.newest() == search->newest_tree) co_return Result<>{};
  co_return Fail(Code::kServerBusy, "A directory has moved meanwhile.");  // names are others now
}

bool Offload::BeginAnew(Search& search) const {
  const std::lock_guard lock(mutex_);
  SeeWindowLocked(search);  // it may be further than the search was
  std::set<ChangeNumber> more = search.scan.LeftBehind(order_.Waiting());
  std::erase_if(more, [this](ChangeNumber number) {  // those have left the log
    const auto slot = window_.find(number);
    return slot == window_.end() || slot->second.state != State::kWaiting;
  });
  if (more.empty()) return false;
  search.scan.StartAnew(more);
  search.next = 0;
  SeeWindowLocked(search);
  return true;
}

Task<PendingTrees> Offload::Trees() {
  co_return co_await engine::ReadMeta(
      services_, [this](const kv::Reader& reader) -> Result<PendingTrees> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment_));
        return PendingTrees::Load(reader, container);
      });
}

Task<std::vector<LoggedChangePtr>> Offload::ReleaseSuperseded(JobPtr job, DroppedChanges dropped) {
  const meta::ChangeKind kind = job->changes.back()->record.kind;
  const bool whole = kind == meta::ChangeKind::kContent || kind == meta::ChangeKind::kDelete;
  const std::set<ChangeNumber> own =
      whole ? std::set<ChangeNumber>{job->work.last} : NumbersOf(job->work);
  std::vector<LoggedChangePtr> some;
  {
    std::lock_guard lock(mutex_);
    some = SupersededOf(dropped, order_.Waiting(), own);
  }
  if (some.empty()) co_return some;
  if (some.size() > kDroppedAtATime) some.resize(kDroppedAtATime);
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact([this,
                                                           some](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
    for (const LoggedChangePtr& change : some) {
      FB_RETURN_IF_ERROR(ReleaseHeld(services_, txn, container, *change, services_.clock.Now()));
      FB_RETURN_IF_ERROR(MarkDone(txn, change->key));
    }
    return {};
  }));
  std::erase_if(job->changes, [&](const LoggedChangePtr& change) {
    return std::ranges::find(some, change->number, [](const auto& c) { return c->number; }) !=
           some.end();
  });
  std::vector<std::shared_ptr<Event>> ready;
  {
    std::lock_guard lock(mutex_);
    DroppedLocked(some, ready);
    for (const ChangeNumber number : NumbersOf(job->work)) void_.erase(number);
  }
  for (const auto& event : ready) event->Set();
  co_return some;
}

// They are stored as done.
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
  for (const ChangeWork& work : order_.Waiting()) {
    const std::set<ChangeNumber> all = NumbersOf(work);
    if (!std::ranges::all_of(all, [this](ChangeNumber n) { return void_.contains(n); })) continue;
    if (!order_.Withdraw(work.last)) continue;
    for (const ChangeNumber number : all) void_.erase(number);
  }
  if (!names.empty()) VisibleNowLocked(names, ready);
}

// What the lake has under one of the names is not in the records yet, and would be overlooked.
bool Offload::IsBeingStored(const std::string& name, const DroppedChanges& dropped) const {
  const std::lock_guard lock(mutex_);
  return overlay_.contains(name) ||
         std::ranges::any_of(dropped.changes, [this](const LoggedChangePtr& change) {
           return overlay_.contains(change->record.name) || overlay_.contains(change->record.from);
         });
}

Task<> Offload::BringOrphans(std::shared_ptr<const DroppedChanges> dropped) {
  FB_CO_ASSIGN_OR_RETURN(
      const std::vector<std::string> orphans,
      co_await engine::ReadMeta(
          services_, [this, dropped](const kv::Reader& reader) -> Result<std::vector<std::string>> {
            FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                AttachedContainer(reader, *attachment_));
            return OrphansOf(reader, container, *dropped);
          }));
  for (const std::string& name : orphans) {
    FB_CO_RETURN_IF_ERROR(co_await BringBytes(services_, Context(), attachment_, name));
  }
  co_return Result<>{};
}

// The log may be long, and its end is always new where the name is written all the time: what is
// searched once is not searched again, as long as the decision holds for what is here.
Task<> Offload::TakeTheirs(JobPtr job, ForeignBlob foreign, std::string here,
                           ConflictDecision decision) {
  FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<Search> search,
                         co_await BeginSearch(job, std::move(here)));
  for (int tries = 1;; ++tries) {
    FB_CO_RETURN_IF_ERROR(co_await GoOnSearching(job, search));
    if (BeginAnew(*search)) {
      if (tries < kSearches) continue;
      co_return Fail(Code::kServerBusy, "More and more travels as one.");
    }
    const auto dropped = std::make_shared<DroppedChanges>(search->Found());
    if (IsBeingStored(foreign.name, *dropped)) {
      co_return Fail(Code::kServerBusy, "What has reached the lake before is being stored.");
    }
    FB_CO_RETURN_IF_ERROR(co_await BringOrphans(dropped));
    {
      std::set<ChangeNumber> numbers;
      for (const LoggedChangePtr& change : dropped->changes) numbers.insert(change->number);
      std::lock_guard lock(mutex_);
      // What is noted from here on comes in before this side knows that the decision is stored.
      if (!order_.Hold(numbers, void_)) {
        co_return Fail(Code::kServerBusy, "More is being changed.");
      }
    }
    job->dropped = dropped;
    auto stored = co_await StoreTheirs(dropped, decision);
    if (stored) break;
    // A decision that does not hold any more is not stored by trying again: who has it is asked.
    const bool newer = stored.error().code() == Code::kServerBusy && tries < kSearches;
    if (!newer) co_return stored;
    FB_CO_ASSIGN_OR_RETURN(const bool left, co_await HasLeftTheLog(job));
    if (left) break;
    job->dropped.reset();
  }
  const std::shared_ptr<const DroppedChanges> dropped = job->dropped;
  LeftTheLog(std::move(job), *dropped);
  co_return Result<>{};
}

Task<> Offload::StoreTheirs(std::shared_ptr<const DroppedChanges> dropped,
                            ConflictDecision decision) {
  co_return co_await services_.store.Transact(
      [this, dropped, commit = std::move(decision.commit)](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
        FB_ASSIGN_OR_RETURN(const NamesBefore before, LookBeforeDrop(txn, container, *dropped));
        if (commit) FB_RETURN_IF_ERROR(commit(txn, *dropped));
        return StoreDropped(services_, txn, container, *dropped, before, services_.clock.Now());
      });
}

// What a job that met a conflict leaves behind once the decision is stored.
void Offload::LeftTheLog(JobPtr job, const DroppedChanges& dropped) {
  std::vector<std::shared_ptr<Event>> ready;
  std::shared_ptr<Event> store;
  {
    std::lock_guard lock(mutex_);
    DroppedLocked(dropped.changes, ready);
    for (const ChangeNumber number : NumbersOf(job->work)) void_.erase(number);
    order_.Done(job->work.last);
    staged_.erase(job->work.last);
    --under_way_;
    store = store_wake_;
  }
  for (const auto& event : ready) event->Set();
  store->Set();
}

// A transaction that failed may have been committed all the same: its changes are done then, and to
// send them would write over what was decided.
Task<bool> Offload::HasLeftTheLog(JobPtr job) {
  FB_CO_ASSIGN_OR_RETURN(
      const bool waiting,
      co_await engine::ReadMeta(services_, [job](const kv::Reader& reader) -> Result<bool> {
        return IsWaiting(reader, *job->changes.back());
      }));
  co_return !waiting;
}

}  // namespace forebay::tier
