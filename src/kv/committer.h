// Group commit, shared by the engines of this process: runs the functions of all waiting
// transactions, each on a private overlay, merges those that succeed into one ChangeSet, and has
// the engine write it once.
//
// Three places run a function:
//   1. the caller's thread, against a cache-only snapshot: a failed condition or a read-only
//   function is
//      answered there and then (the snapshot was taken after the call began, so the answer is a
//      valid place in the serial order), and the cache is warm afterwards;
//   2. a pool thread, when step 1 met kWouldBlock: the same against a snapshot that may block;
//   3. the runner thread, in the order of arrival: what counts.
// A writer thread writes and syncs group N while the runner builds group N+1 on top of N's changes.
// No answer of N+1, not even an error, leaves before N is written, and N+1 too. When N fails, the
// functions of N+1 are run again without N's changes. A group that nothing in it wants synced is
// written by the runner itself: that takes less time than waking another thread. What is kAwaited
// in it is answered by a thread that syncs the log beside all this, for as many as wait by then.
//
// Thread safe. `done` is called on the thread that wrote or synced, or on the submitting or a pool
// thread for answers of steps 1 and 2 and for kBusy. It must be cheap and must not submit and wait.
// Destruction finishes what was submitted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "kv/change_set.h"
#include "kv/store.h"
#include "metrics/histogram.h"

namespace forebay::kv {

struct GroupWrite {
  const ChangeSet& changes;
  bool sync;                   // stable storage before returning
  std::uint64_t append_limit;  // 0, or: remember durably that Append numbers below are taken
};

// What an engine gives the committer. Only the committer writes.
class CommitTarget {
 public:
  virtual ~CommitTarget() = default;
  virtual std::unique_ptr<Reader> Snapshot(ReadMode mode) const = 0;
  // Reads the newest state at each call, without the cost of a snapshot; may block.
  virtual std::unique_ptr<Reader> Latest() const = 0;
  // kNoSpace: only transactions that make room (Transaction::MakesRoom) go on. Called by the runner
  // once for some transactions, so it must be cheap.
  virtual Result<> RoomToGrow() { return {}; }
  // All or nothing. Visible to readers only when it succeeded. One at a time.
  virtual Result<> Write(const GroupWrite& group) = 0;
  // What was written when it is called is on stable storage when it returns. Beside a Write.
  virtual Result<> Sync() { return {}; }
};

// Counters since the start, for metrics. Times are in seconds.
struct CommitStats {
  std::uint64_t transactions = 0;  // answered after a group write
  std::uint64_t groups = 0;
  std::uint64_t synced_groups = 0;
  std::uint64_t early_answers = 0;  // read-only or failed before the queue
  std::uint64_t prefetches = 0;     // the first run met kWouldBlock
  std::uint64_t busy = 0;           // refused, queue full
  std::uint64_t failed_groups = 0;
  std::uint64_t reruns = 0;  // run again because the group before failed
  std::uint64_t bytes = 0;   // keys and values written
  double write_seconds = 0;  // in the engine's write, which includes the sync of kSync
  double run_seconds = 0;    // in functions, on the runner
  std::size_t queue_depth = 0;
  metrics::HistogramData group_transactions;  // of groups that were written
  metrics::HistogramData group_writes;        // seconds, of groups that were synced
};

class Committer {
 public:
  struct Options {
    std::string name = "kv";         // thread names, at most 8 characters
    std::size_t max_waiting = 8192;  // transactions, to be written or synced; more are kBusy
    std::size_t max_group_transactions = 1024;
    std::size_t max_group_bytes = 4 << 20;
    std::size_t prefetch_threads = 0;  // 0: step 2 is left to the runner
    std::uint64_t first_append = 1;    // Append numbers below this one are taken
  };
  // `target` must outlive the committer.
  Committer(CommitTarget& target, Options options);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // See Store::TransactAsync and Store::Watch.
  void Submit(TransactionFn fn, Durability durability,
              std::move_only_function<void(Result<>)> done);
  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn);
  CommitStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::kv
