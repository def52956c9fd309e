// The offload of one container: what was changed here becomes visible in its lake, in the order
// that the change log asks for (tier/change_order.h), as parallel as that order lets it.
//
//   log ─read─▶ window ─order─▶ ready ─▶ lake (tier/offload_writer.h) ─▶ visible ─▶ stored, erased
//
// What has become visible makes room for what waits for it at once; it is stored a moment later,
// many changes in one transaction. A process that ends in between finds the change in the log
// again, sends it again, and recognises its own write. Work that fails is tried again for ever: for
// a lake that is out of reach everything waits and one change at a time tries; for a change that
// the lake refuses only that change, and what must follow it. Deletes ask a guard first, which may
// pause them until somebody agrees; the pause survives restarts.
//
// Of several processes on one store one drains a container's log: it holds a lease, which every
// transaction that settles something asks for (tier/offload_lease.h). Sync and AwaitVisible answer
// in the others too.
//
// Thread safe. Runs on the worker loop; held by a shared_ptr, which its tasks share. `attachment`
// that is detached ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/event.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/change_order.h"
#include "tier/conflict_handler.h"
#include "tier/delete_guard.h"
#include "tier/offload_dropped.h"
#include "tier/offload_lease.h"
#include "tier/offload_log.h"
#include "tier/offload_options.h"
#include "tier/offload_rate.h"
#include "tier/offload_trees.h"
#include "tier/offload_writer.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct OffloadStatus {
  std::uint64_t changes = 0;  // in the log: not in the lake, or not stored as such
  std::uint64_t bytes = 0;    // of content among them
  std::optional<WallTime> oldest;
  std::size_t under_way = 0;
  std::uint64_t sent_changes = 0;  // since this process began
  std::uint64_t sent_bytes = 0;
  double changes_per_second = 0;  // of the last seconds
  double bytes_per_second = 0;
  std::string last_error;      // for people; empty while the lake takes what it is sent
  bool out_of_reach = false;   // that is what it says
  std::string deletes_paused;  // why, and how to go on; empty: they are not
  std::uint64_t deletes_waiting = 0;
  // Changes that the lake refuses, or that met something foreign there and are not decided.
  std::uint64_t blocked = 0;
  std::string blocked_name;
  std::string blocked_error;
};

class Offload final : public std::enable_shared_from_this<Offload> {
 public:
  // References, and the handler where there is one, outlive the worker loop's tasks. `owner`: of
  // the process, not 0.
  Offload(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
          const OffloadOptions& options, ConflictHandler* conflicts, std::uint64_t owner);

  // Reads the log until the context is cancelled, the container is detached, or another process has
  // taken over (kStale: this object is of no use any more). kLocked: another process drains, and
  // this one has not begun. One at a time; may be run again after another error of the store.
  Task<> Run(OpContext context);
  // Lets another process go on at once. Blocks; once the worker loop has stopped.
  void Release() { lease_.Release(); }

  // Waits until all that was noted before the call is in the lake and stored as such.
  Task<> Sync(OpContext context);
  // Waits until all changes of the name that were noted before the call are in the lake.
  // kOperationTimedOut, with a message that says that they are safe here.
  Task<> AwaitVisible(OpContext context, std::string name);

  // Somebody agrees to that many deletes. kResourceNotFound when they are not paused.
  Task<> ApproveDeletes(OpContext context, std::uint64_t agreed);
  Result<OffloadStatus> status() const;  // reads the store's counters: may block

 private:
  // A piece of work that the order has let go.
  struct Job {
    ChangeWork work;
    std::vector<LoggedChangePtr> changes;
    unsigned failures = 0;
    SteadyTime not_before{};
    std::string blocked;
    std::map<std::string, std::string> under;  // decided for this job: by name
    bool source_changed = false;               // decided for ours: what it moves is not there
    // A decision for theirs was on its way to the store, which may have it.
    std::shared_ptr<const DroppedChanges> dropped;
  };
  using JobPtr = std::shared_ptr<Job>;
  enum class State : std::uint8_t { kWaiting, kVisible, kStored };
  struct Slot {
    LoggedChangePtr change;
    State state = State::kWaiting;
    WallTime seen;
  };
  struct Overlay {
    std::string etag;
    ChangeNumber by = 0;
  };
  struct Staging {
    std::shared_ptr<StagedBody> body = std::make_shared<StagedBody>();
    std::shared_ptr<Event> idle;  // set: nobody is at it; null: nobody ever was
  };
  struct SyncWaiter {
    ChangeNumber up_to;
    std::shared_ptr<Event> event;
  };
  struct NameWaiter {
    std::string name;
    ChangeNumber up_to;
    std::shared_ptr<Event> event;
  };
  using Self = std::shared_ptr<Offload>;

  // --- Reading the log and starting work (offload.cc).
  Task<> Begin(OpContext context);
  Task<> Refill(OpContext context);
  void TakeIn(LogPage page);  // with mutex_ held
  void Pump();
  JobPtr NextLocked(SteadyTime now);
  // How many pieces of work may be under way, and how many now.
  std::size_t MostLocked() const;
  std::size_t LimitLocked(SteadyTime now) const;
  void StageAhead();
  Task<> RunStaging(Self self, std::string name, meta::BlobRecord blob, Staging staging);
  void Wake();
  SteadyTime NextTimerLocked() const;

  // --- One piece of work (offload_drive.cc).
  Task<> Drive(Self self, JobPtr job);
  Task<std::optional<WriteOutcome>> Attempt(JobPtr job);
  Task<std::optional<WriteOutcome>> AttemptTree(JobPtr job);
  Task<KnownUnder> Under(JobPtr job, std::string name);
  Task<> StoreSaid(JobPtr job, std::string etag);
  Task<std::shared_ptr<StagedBody>> TakeStaged(JobPtr job);
  Task<bool> MayDelete(std::uint64_t deletes);
  // Deletes that the guard can tell apart are not counted further.
  std::uint64_t guard_limit() const {
    return std::max(options_.deletes.per_window, options_.deletes.share_from) + 1;
  }
  void Park(JobPtr job);
  Task<std::uint64_t> CountBlobs(std::uint64_t up_to);
  void Finished(JobPtr job, WriteOutcome outcome);
  void Failed(JobPtr job, Error error);
  void Unsettled(JobPtr job, Error error);
  void Refused(JobPtr job, std::string why);
  void Stop();
  Task<> Settle(JobPtr job, ForeignBlob foreign);
  Task<> TakeOurs(JobPtr job, ForeignBlob foreign, ConflictDecision decision);
  Task<> TakeTheirs(JobPtr job, ForeignBlob foreign, std::string here, ConflictDecision decision);
  Task<> StoreTheirs(std::shared_ptr<const DroppedChanges> dropped, ConflictDecision decision);
  std::string MovedOnToLocked(const ChangeWork& work) const;

  // The name that the blob has here now; empty: it went with its directory.
  Task<std::string> NameHere(JobPtr job, std::string said);
  // How far the log was searched for what a decision takes out of it.
  struct Search;
  Task<std::shared_ptr<Search>> BeginSearch(JobPtr job, std::string name);
  // Up to the end of the log; what need not wait for the decision leaves it on the way.
  Task<> GoOnSearching(JobPtr job, std::shared_ptr<Search> search);
  // Where what it took travels as one with something that it left: that goes too, with all that it
  // leads to. False: it is not so.
  bool BeginAnew(Search& search) const;
  void SeeWindowLocked(Search& search) const;
  // Some of that; empty: there is no more of it.
  Task<std::vector<LoggedChangePtr>> ReleaseSuperseded(JobPtr job, DroppedChanges dropped);
  void DroppedLocked(const std::vector<LoggedChangePtr>& changes,
                     std::vector<std::shared_ptr<Event>>& ready);
  Task<PendingTrees> Trees();
  Task<> BringOrphans(std::shared_ptr<const DroppedChanges> dropped);
  bool IsBeingStored(const std::string& name, const DroppedChanges& dropped) const;
  void LeftTheLog(JobPtr job, const DroppedChanges& dropped);
  Task<bool> HasLeftTheLog(JobPtr job);

  // --- Storing what is visible (offload_store.cc).
  struct Batch;
  Task<> RunStore(Self self, OpContext context);
  std::shared_ptr<Batch> TakeBatch();
  Task<> ReleaseAhead(std::shared_ptr<FinishedWork> finished);
  Task<> Store(std::shared_ptr<Batch> batch);
  void StoredLocked(const Batch& batch, std::vector<std::shared_ptr<Event>>& ready);
  Task<> SaveGuard(DeleteGuard::Saved saved, std::string event_text, bool paused);

  // True where no change of the name up to that number waits.
  bool VisibleLocked(const std::string& name, ChangeNumber up_to) const;
  void VisibleNowLocked(const std::set<std::string>& names,
                        std::vector<std::shared_ptr<Event>>& ready);
  OpContext Context() const;
  // The container, for a transaction that settles something, which goes on where the disk is full
  // (it says MakesRoom). kStale where that is not ours to do: detached, or another process has the
  // lease.
  Result<meta::ContainerRecord> ToSettle(kv::Transaction& txn) const;
  // Until the event is set, or the store says that all up to that number was settled, whoever did.
  Task<> AwaitSettled(OpContext context, std::shared_ptr<Event> event, ChangeNumber up_to);

  engine::Services& services_;
  WorkerLoop& loop_;
  const AttachmentPtr attachment_;
  const OffloadOptions options_;
  ConflictHandler* const conflicts_;
  OffloadLease lease_;
  OffloadWriter writer_;
  const TreeWork tree_work_;
  OffloadTrees trees_;

  mutable std::mutex mutex_;
  std::shared_ptr<Event> wake_ = std::make_shared<Event>();
  std::shared_ptr<Event> store_wake_ = std::make_shared<Event>();
  bool running_store_ = false;
  bool stopped_ = false;

  ChangeOrder order_;
  std::map<ChangeNumber, Slot> window_;
  std::unordered_map<std::string, std::set<ChangeNumber>> waiting_by_name_;
  ChangeNumber next_ = 1;          // the number of the entry behind last_key_
  ChangeNumber known_before_ = 0;  // entries up to here may have been sent by a former process
  ChangeNumber stored_up_to_ = 0;
  std::string last_key_;
  bool begun_ = false;
  bool log_end_ = false;

  std::deque<JobPtr> ready_;
  std::vector<JobPtr> later_;   // by not_before, unsorted: few
  std::vector<JobPtr> parked_;  // deletes that the guard holds back
  std::size_t under_way_ = 0;
  std::map<ChangeNumber, Staging> staged_;  // by the work's last change
  std::deque<std::shared_ptr<FinishedWork>> finished_;
  std::unordered_map<std::string, Overlay> overlay_;  // visible there, not stored here
  std::set<ChangeNumber> void_;  // dropped by a conflict, and still in the order

  DeleteGuard guard_;
  std::uint64_t deletes_waiting_ = 0;
  bool guard_dirty_ = false;

  unsigned failures_ = 0;  // of the lake as a whole, in a row
  SteadyTime hold_until_{};
  std::string last_error_;
  bool out_of_reach_ = false;
  std::uint64_t sent_changes_ = 0, sent_bytes_ = 0;
  OffloadRate rate_;
  std::vector<SyncWaiter> sync_waiters_;
  std::vector<NameWaiter> name_waiters_;
  std::shared_ptr<void> watch_;  // last: its function refers to the rest
};

}  // namespace forebay::tier
