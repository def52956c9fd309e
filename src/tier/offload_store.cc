// Stores what has become visible in the lake, many changes in one transaction, and erases entries
// from the front of the log (see tier/offload.h).
#include <algorithm>

#include "async/sleep.h"
#include "base/log.h"
#include "meta/keys.h"
#include "tier/events.h"
#include "tier/guard_record.h"
#include "tier/live_names.h"
#include "tier/offload.h"

namespace forebay::tier {
namespace {

// Of one transaction, well within the store's limits: keys by what a change writes at most.
constexpr std::size_t kKeysAtATime = 600;
constexpr std::size_t kBytesAtATime = 400 << 10;
constexpr std::size_t kErasedAtATime = 200;
// Changes of one piece of work beyond this are released ahead, some at a time.
constexpr std::size_t kChangesOfOneWork = 30;
constexpr std::chrono::milliseconds kStoreRetry{200};

std::size_t KeysOf(const FinishedWork& finished) {
  std::size_t keys = 6;
  for (const LoggedChangePtr& change : finished.changes) {
    keys += 6 + 4 * change->record.blob.body.direct.size();
  }
  return keys;
}
std::size_t BytesOf(const FinishedWork& finished) {
  std::size_t bytes = 0;
  for (const LoggedChangePtr& change : finished.changes) {
    bytes += 512 + 2 * change->record.name.size();
    for (const auto& [key, value] : change->record.blob.metadata) {
      bytes += key.size() + value.size();
    }
  }
  return bytes;
}

}  // namespace

struct Offload::Batch {
  std::vector<std::shared_ptr<FinishedWork>> works;
  std::set<ChangeNumber> numbers;                            // of these works
  std::vector<std::pair<ChangeNumber, std::string>> erased;  // from the front of the log
  std::optional<DeleteGuard::Saved> guard;
};

std::shared_ptr<Offload::Batch> Offload::TakeBatch() {
  auto batch = std::make_shared<Batch>();
  std::lock_guard lock(mutex_);
  std::size_t keys = 0;
  std::size_t bytes = 0;
  while (!finished_.empty()) {
    const FinishedWork& next = *finished_.front();
    keys += KeysOf(next);
    bytes += BytesOf(next);
    if (!batch->works.empty() && (keys > kKeysAtATime || bytes > kBytesAtATime)) break;
    for (const LoggedChangePtr& change : next.changes) batch->numbers.insert(change->number);
    batch->works.push_back(std::move(finished_.front()));
    finished_.pop_front();
  }
  for (const auto& [number, slot] : window_) {
    const bool gone = slot.state == State::kStored || batch->numbers.contains(number);
    if (!gone || batch->erased.size() == kErasedAtATime) break;
    batch->erased.emplace_back(number, slot.change->key);
  }
  if (std::exchange(guard_dirty_, false)) batch->guard = guard_.Save(services_.clock.Now());
  if (batch->works.empty() && batch->erased.empty() && !batch->guard) return nullptr;
  return batch;
}

// Gives up what superseded changes held; their entries are done marks from then on.
Task<> Offload::ReleaseAhead(std::shared_ptr<FinishedWork> finished) {
  const std::size_t end =
      std::min(finished->released + kChangesOfOneWork, finished->changes.size() - 1);
  FB_CO_RETURN_IF_ERROR(
      co_await services_.store.Transact([this, finished, end](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
        for (std::size_t i = finished->released; i < end; ++i) {
          const LoggedChange& change = *finished->changes[i];
          FB_RETURN_IF_ERROR(ReleaseHeld(services_, txn, container, change, services_.clock.Now()));
          FB_RETURN_IF_ERROR(MarkDone(txn, change.key));
        }
        return {};
      }));
  finished->released = end;
  co_return Result<>{};
}

Task<> Offload::Store(std::shared_ptr<Batch> batch) {
  for (const auto& finished : batch->works) {
    while (finished->changes.size() - finished->released > kChangesOfOneWork) {
      FB_CO_RETURN_IF_ERROR(co_await ReleaseAhead(finished));
    }
  }
  co_return co_await services_.store.Transact([this, batch](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
    const WallTime now = services_.clock.Now();
    for (const auto& finished : batch->works) {
      FB_RETURN_IF_ERROR(StoreFinished(services_, txn, container, *finished, now));
      for (std::size_t i = finished->released; i < finished->changes.size(); ++i) {
        FB_RETURN_IF_ERROR(MarkDone(txn, finished->changes[i]->key));
      }
    }
    std::vector<std::string> entries;
    for (const auto& [number, key] : batch->erased) entries.push_back(key);
    FB_RETURN_IF_ERROR(EraseEntries(txn, container.id, entries));
    if (batch->guard) txn.Put(meta::keys::DeleteGuard(container.id), Encode(*batch->guard));
    return {};
  });
}

void Offload::StoredLocked(const Batch& batch, std::vector<std::shared_ptr<Event>>& ready) {
  for (const ChangeNumber number : batch.numbers) window_.at(number).state = State::kStored;
  for (const auto& [number, key] : batch.erased) {
    window_.erase(number);
    stored_up_to_ = number;
  }
  for (const auto& finished : batch.works) {
    std::vector<std::string> names = finished->work.gone;
    names.push_back(finished->work.name);
    names.push_back(finished->work.from);
    for (const std::string& name : names) {
      const auto it = overlay_.find(name);
      if (it != overlay_.end() && it->second.by == finished->work.last) overlay_.erase(it);
    }
  }
  std::erase_if(sync_waiters_, [&](SyncWaiter& waiter) {
    if (waiter.up_to > stored_up_to_) return false;
    ready.push_back(std::move(waiter.event));
    return true;
  });
  ready.push_back(wake_);  // there may be room in the window
}

Task<> Offload::RunStore(Self, OpContext context) {
  while (!context.cancel.stop_requested()) {
    auto wake = std::make_shared<Event>();
    {
      std::lock_guard lock(mutex_);
      if (stopped_ || attachment_->detached) break;
      store_wake_ = wake;
    }
    std::shared_ptr<Batch> batch = TakeBatch();
    if (!batch) {
      (void)co_await wake->Wait(context);
      continue;
    }
    while (true) {
      auto stored = co_await Store(batch);
      if (stored) break;
      if (stored.error().code() == Code::kStale) Stop();
      if (stored.error().code() == Code::kStale || context.cancel.stop_requested()) {
        co_return Result<>{};
      }
      Log(LogLevel::kError, "what has reached the lake could not be noted",
          {{"container", attachment_->record.container}, {"error", stored.error().ToString()}});
      (void)co_await SleepFor(kStoreRetry, context);
    }
    std::vector<std::shared_ptr<Event>> ready;
    {
      std::lock_guard lock(mutex_);
      StoredLocked(*batch, ready);
    }
    for (const auto& event : ready) event->Set();
  }
  co_return Result<>{};
}

Task<> Offload::SaveGuard(DeleteGuard::Saved saved, std::string event_text, bool paused) {
  co_return co_await services_.store.Transact(
      [this, saved, event_text, paused](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, ToSettle(txn));
        txn.Put(meta::keys::DeleteGuard(container.id), Encode(saved));
        LakeEvent event;
        event.kind = paused ? EventKind::kDeletesPaused : EventKind::kDeletesApproved;
        event.at = services_.clock.Now();
        event.text = event_text;
        NoteEvent(txn, container.id, event);
        return {};
      });
}

}  // namespace forebay::tier
