#include "kv/committer.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "async/thread_pool.h"
#include "kv/overlay.h"
#include "kv/watch_hub.h"

namespace forebay::kv {

namespace {

// Append numbers are reserved in the log this many at a time; a restart skips what is left.
constexpr std::uint64_t kAppendReservation = 1 << 20;
// The runner looks at the writer after this many functions.
constexpr std::size_t kRunBatch = 64;
// A group that could be written waits for callers who were answered just now and are about to come
// back, for at most this part of a usual write. Without it, clients that write one after the other
// fall into two halves that take turns, and every sync serves only half of them.
constexpr std::uint64_t kGatherFraction = 3;
constexpr std::uint64_t kMaxGatherUs = 3000;

using Done = std::move_only_function<void(Result<>)>;
using SteadyClock = std::chrono::steady_clock;

struct Job {
  TransactionFn fn;
  Durability durability;
  Done done;
  Result<> outcome;
};

struct Group {
  std::vector<Job> jobs;
  ChangeSet changes;
  bool sync = false;
  std::uint64_t append_limit = 0;
};

std::uint64_t MicrosSince(SteadyClock::time_point start) {
  auto elapsed = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - start);
  return static_cast<std::uint64_t>(elapsed.count());
}

// The function and what it captured go before the caller hears, who may be waiting to free what the
// captures refer to.
void Answer(Job& job, Result<> result) {
  job.fn = nullptr;
  Done done = std::move(job.done);
  done(std::move(result));
}

}  // namespace

struct Committer::Impl {
  enum class WriterState { kIdle, kBusy, kFailed };

  Impl(CommitTarget& t, Options o)
      : target(t),
        options(std::move(o)),
        append_limit(options.first_append),
        next_append(options.first_append) {}

  CommitTarget& target;
  const Options options;
  WatchHub watches;

  std::mutex mutex;
  std::condition_variable runner_wake;
  std::condition_variable writer_wake;
  std::condition_variable syncer_wake;
  std::deque<Job> queue;                          // guarded by mutex
  std::vector<Job> awaiting;                      // guarded by mutex: written, and not synced
  std::size_t syncing = 0;                        // guarded by mutex: of those that are synced now
  WriterState writer_state = WriterState::kIdle;  // guarded by mutex
  std::shared_ptr<Group> handed;                  // guarded by mutex: what the writer works on
  std::uint64_t append_limit;                     // guarded by mutex: reserved durably
  std::size_t built = 0;                          // guarded by mutex: transactions in `building`
  std::size_t expected = 1;            // guarded by mutex: clients seen at the last answer
  std::uint64_t usual_write_us = 0;    // guarded by mutex: of synced groups, smoothed
  SteadyClock::time_point idle_since;  // guarded by mutex
  bool stopping = false;               // guarded by mutex
  bool writer_stop = false;            // guarded by mutex
  bool syncer_stop = false;            // guarded by mutex

  // Of the runner's thread only.
  std::shared_ptr<Group> building = std::make_shared<Group>();
  std::shared_ptr<Group> in_flight;  // may still be unwritten; its changes lie under `building`
  std::uint64_t next_append;

  std::atomic<std::uint64_t> transactions{0}, groups{0}, synced_groups{0}, early{0}, prefetches{0},
      busy{0}, failed_groups{0}, reruns{0}, bytes{0}, write_us{0}, run_us{0};
  std::atomic<std::size_t> queue_depth{0};
  metrics::LocalHistogram group_transactions{metrics::CountBuckets()};
  metrics::LocalHistogram group_writes{metrics::LatencyBuckets()};

  std::unique_ptr<ThreadPool> prefetch_pool;
  std::thread runner;
  std::thread writer;
  std::thread syncer;

  std::optional<Result<>> TryEarly(const TransactionFn& fn, ReadMode mode);
  void Prefetch(Job job);
  void Enqueue(Job job);
  void NoteDepth();
  bool GroupIsFull() const;
  SteadyClock::time_point GatherUntil() const;
  void NoteWritten(const Group& group, std::uint64_t took_us);
  void RunnerLoop();
  void RunJobs(std::vector<Job> jobs);
  void TakeBackFailedGroup();
  void HandOver(std::unique_lock<std::mutex>& lock);
  void WriterLoop();
  void WriteOut(std::shared_ptr<Group> group, std::unique_lock<std::mutex>& lock);
  void Finish(Group& group, const Result<>& written);
  void LeaveToSyncer(std::vector<Job>& jobs);
  void SyncerLoop();
  void NoteSynced(std::size_t jobs, std::uint64_t took_us, const Result<>& synced);
};

// The answer of a first run, where it is final; nullopt: the function has to be queued.
std::optional<Result<>> Committer::Impl::TryEarly(const TransactionFn& fn, ReadMode mode) {
  auto snapshot = target.Snapshot(mode);
  OverlayTransaction transaction(*snapshot);
  Result<> result = fn(transaction);
  if (result) result = transaction.Check();
  if (!result || transaction.empty()) return result;
  return std::nullopt;
}

void Committer::Impl::Prefetch(Job job) {
  auto result = TryEarly(job.fn, ReadMode::kMayBlock);
  if (!result) return Enqueue(std::move(job));
  early.fetch_add(1, std::memory_order_relaxed);
  Answer(job, std::move(*result));
}

void Committer::Impl::Enqueue(Job job) {
  {
    std::lock_guard lock(mutex);
    if (queue.size() + awaiting.size() + syncing < options.max_waiting) {
      queue.push_back(std::move(job));
      NoteDepth();
      if (queue.size() == 1) runner_wake.notify_one();
      return;
    }
  }
  busy.fetch_add(1, std::memory_order_relaxed);
  Answer(job, Fail(Code::kBusy, "Too many transactions wait to be committed; try again."));
}

// mutex is held.
void Committer::Impl::NoteDepth() {
  queue_depth.store(queue.size() + awaiting.size() + syncing, std::memory_order_relaxed);
}

bool Committer::Impl::GroupIsFull() const {
  return building->jobs.size() >= options.max_group_transactions ||
         building->changes.bytes() >= options.max_group_bytes;
}

// mutex is held. When to hand `building` over at the latest, the writer being idle.
SteadyClock::time_point Committer::Impl::GatherUntil() const {
  if (!building->sync || stopping || GroupIsFull() || built >= expected) return idle_since;
  return idle_since +
         std::chrono::microseconds(std::min(usual_write_us / kGatherFraction, kMaxGatherUs));
}

// mutex is held.
void Committer::Impl::NoteWritten(const Group& group, std::uint64_t took_us) {
  idle_since = SteadyClock::now();
  expected = group.jobs.size() + built + queue.size();
  if (group.sync)
    usual_write_us = usual_write_us == 0 ? took_us : (7 * usual_write_us + took_us) / 8;
}

void Committer::Impl::RunnerLoop() {
  std::unique_lock lock(mutex);
  while (true) {
    runner_wake.wait(lock, [&] {
      if (writer_state == WriterState::kFailed) return true;
      if (!queue.empty() && !GroupIsFull()) return true;
      if (!building->jobs.empty()) return writer_state == WriterState::kIdle;
      return stopping && queue.empty() && writer_state == WriterState::kIdle;
    });
    if (writer_state == WriterState::kFailed) {
      TakeBackFailedGroup();
      continue;
    }
    // Once the group below is written, the store itself answers for it.
    if (writer_state == WriterState::kIdle) in_flight.reset();
    if (!queue.empty() && !GroupIsFull()) {
      std::vector<Job> jobs;
      while (!queue.empty() && jobs.size() < kRunBatch) {
        jobs.push_back(std::move(queue.front()));
        queue.pop_front();
      }
      NoteDepth();
      lock.unlock();
      RunJobs(std::move(jobs));
      lock.lock();
      built = building->jobs.size();
    }
    if (!building->jobs.empty() && writer_state == WriterState::kIdle) {
      auto until = GatherUntil();
      if (SteadyClock::now() < until) {
        runner_wake.wait_until(lock, until, [&] { return !queue.empty() || stopping; });
        continue;
      }
      HandOver(lock);
    }
    if (stopping && queue.empty() && building->jobs.empty() && writer_state == WriterState::kIdle) {
      writer_stop = true;
      writer_wake.notify_one();
      return;
    }
  }
}

void Committer::Impl::RunJobs(std::vector<Job> jobs) {
  static const ChangeSet kNothing;
  auto start = SteadyClock::now();
  auto latest = target.Latest();
  ChangeSetReader pending(*latest, in_flight ? in_flight->changes : kNothing);
  ChangeSetReader base(pending, building->changes);
  const Result<> room = target.RoomToGrow();
  for (auto& job : jobs) {
    OverlayTransaction transaction(base);
    job.outcome = job.fn(transaction);
    bool writes = !transaction.empty();
    if (job.outcome && writes && !room && !transaction.makes_room()) job.outcome = room;
    if (job.outcome) job.outcome = transaction.Fold(building->changes, &next_append);
    if (job.outcome && writes && job.durability == Durability::kSync) building->sync = true;
    building->jobs.push_back(std::move(job));
  }
  run_us.fetch_add(MicrosSince(start), std::memory_order_relaxed);
}

// mutex is held. What `building` computed rests on changes that were never written.
void Committer::Impl::TakeBackFailedGroup() {
  reruns.fetch_add(building->jobs.size(), std::memory_order_relaxed);
  for (auto it = building->jobs.rbegin(); it != building->jobs.rend(); ++it) {
    queue.push_front(std::move(*it));
  }
  building = std::make_shared<Group>();
  built = 0;
  in_flight.reset();
  writer_state = WriterState::kIdle;
}

// `lock` holds the mutex, here and in WriteOut, which gives it up meanwhile.
void Committer::Impl::HandOver(std::unique_lock<std::mutex>& lock) {
  if (next_append > append_limit) building->append_limit = next_append + kAppendReservation;
  in_flight = std::exchange(building, std::make_shared<Group>());
  built = 0;
  writer_state = WriterState::kBusy;
  if (!in_flight->sync) return WriteOut(in_flight, lock);
  handed = in_flight;
  writer_wake.notify_one();
}

void Committer::Impl::WriterLoop() {
  std::unique_lock lock(mutex);
  while (true) {
    writer_wake.wait(lock, [&] { return handed || writer_stop; });
    if (!handed) return;
    WriteOut(std::move(handed), lock);
  }
}

void Committer::Impl::WriteOut(std::shared_ptr<Group> group, std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  Result<> written;
  std::uint64_t took_us = 0;
  if (!group->changes.empty()) {
    auto start = SteadyClock::now();
    written = target.Write(
        {.changes = group->changes, .sync = group->sync, .append_limit = group->append_limit});
    took_us = MicrosSince(start);
    write_us.fetch_add(took_us, std::memory_order_relaxed);
    if (group->sync) group_writes.Observe(static_cast<double>(took_us) / 1e6);
  }

  lock.lock();
  NoteWritten(*group, took_us);
  if (written && group->append_limit != 0) append_limit = group->append_limit;
  writer_state = written ? WriterState::kIdle : WriterState::kFailed;
  runner_wake.notify_one();
  lock.unlock();
  Finish(*group, written);
  group.reset();
  lock.lock();
}

void Committer::Impl::Finish(Group& group, const Result<>& written) {
  if (!written) {
    failed_groups.fetch_add(1, std::memory_order_relaxed);
  } else if (!group.changes.empty()) {
    groups.fetch_add(1, std::memory_order_relaxed);
    if (group.sync) synced_groups.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(group.changes.bytes(), std::memory_order_relaxed);
    group_transactions.Observe(static_cast<double>(group.jobs.size()));
    watches.Notify(group.changes);
  }
  if (written && !group.sync) LeaveToSyncer(group.jobs);
  transactions.fetch_add(group.jobs.size(), std::memory_order_relaxed);
  for (auto& job : group.jobs) {
    // An error that a function found may rest on what was not written, so the write's error wins.
    Answer(job, written ? std::move(job.outcome) : written);
  }
}

// Those that are answered when the log is synced.
void Committer::Impl::LeaveToSyncer(std::vector<Job>& jobs) {
  const auto awaiters = std::ranges::partition(
      jobs, [](const Job& job) { return !job.outcome || job.durability != Durability::kAwaited; });
  if (awaiters.empty()) return;
  for (Job& job : awaiters) job.fn = nullptr;  // it has run, and may hold much
  {
    std::lock_guard lock(mutex);
    std::ranges::move(awaiters, std::back_inserter(awaiting));
    NoteDepth();
    syncer_wake.notify_one();
  }
  jobs.erase(awaiters.begin(), awaiters.end());
}

void Committer::Impl::SyncerLoop() {
  std::unique_lock lock(mutex);
  while (true) {
    syncer_wake.wait(lock, [&] { return !awaiting.empty() || syncer_stop; });
    if (awaiting.empty()) return;
    std::vector<Job> jobs = std::exchange(awaiting, {});
    syncing = jobs.size();
    lock.unlock();
    const auto start = SteadyClock::now();
    const Result<> synced = target.Sync();
    NoteSynced(jobs.size(), MicrosSince(start), synced);
    lock.lock();
    syncing = 0;
    NoteDepth();
    lock.unlock();
    for (auto& job : jobs) Answer(job, synced);
    jobs.clear();
    lock.lock();
  }
}

// To be counted as a group is that was synced when it was written, however many it was made of.
void Committer::Impl::NoteSynced(std::size_t jobs, std::uint64_t took_us, const Result<>& synced) {
  transactions.fetch_add(jobs, std::memory_order_relaxed);
  (synced ? synced_groups : failed_groups).fetch_add(1, std::memory_order_relaxed);
  group_writes.Observe(static_cast<double>(took_us) / 1e6);
}

Committer::Committer(CommitTarget& target, Options options)
    : impl_(std::make_unique<Impl>(target, std::move(options))) {
  const auto& name = impl_->options.name;
  if (impl_->options.prefetch_threads > 0) {
    impl_->prefetch_pool = std::make_unique<ThreadPool>(
        ThreadPool::Options{.name = name + "-read",
                            .threads = impl_->options.prefetch_threads,
                            .queue_limit = impl_->options.max_waiting});
  }
  impl_->runner = std::thread([impl = impl_.get()] { impl->RunnerLoop(); });
  impl_->writer = std::thread([impl = impl_.get()] { impl->WriterLoop(); });
  impl_->syncer = std::thread([impl = impl_.get()] { impl->SyncerLoop(); });
  pthread_setname_np(impl_->runner.native_handle(), (name + "-run").c_str());
  pthread_setname_np(impl_->writer.native_handle(), (name + "-write").c_str());
  pthread_setname_np(impl_->syncer.native_handle(), (name + "-sync").c_str());
}

Committer::~Committer() {
  impl_->prefetch_pool.reset();  // finishes its jobs, which may still queue transactions
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    impl_->runner_wake.notify_one();
  }
  impl_->runner.join();
  impl_->writer.join();
  {
    std::lock_guard lock(impl_->mutex);
    impl_->syncer_stop = true;
    impl_->syncer_wake.notify_one();
  }
  impl_->syncer.join();
}

void Committer::Submit(TransactionFn fn, Durability durability, Done done) {
  Impl& impl = *impl_;
  Job job{.fn = std::move(fn), .durability = durability, .done = std::move(done), .outcome = {}};
  auto early = impl.TryEarly(job.fn, ReadMode::kCacheOnly);
  if (!early) return impl.Enqueue(std::move(job));
  if (*early || early->error().code() != Code::kWouldBlock) {
    impl.early.fetch_add(1, std::memory_order_relaxed);
    return Answer(job, std::move(*early));
  }
  impl.prefetches.fetch_add(1, std::memory_order_relaxed);
  if (!impl.prefetch_pool) return impl.Enqueue(std::move(job));
  // Shared, so that a refused job leaves the caller with us.
  auto shared = std::make_shared<Job>(std::move(job));
  if (impl.prefetch_pool->TryPost([&impl, shared] { impl.Prefetch(std::move(*shared)); })) return;
  impl.busy.fetch_add(1, std::memory_order_relaxed);
  Answer(*shared, Fail(Code::kBusy, "Too many transactions wait for the disk; try again."));
}

std::shared_ptr<void> Committer::Watch(std::string prefix, std::function<void()> fn) {
  return impl_->watches.Watch(std::move(prefix), std::move(fn));
}

CommitStats Committer::stats() const {
  const Impl& impl = *impl_;
  return {.transactions = impl.transactions.load(),
          .groups = impl.groups.load(),
          .synced_groups = impl.synced_groups.load(),
          .early_answers = impl.early.load(),
          .prefetches = impl.prefetches.load(),
          .busy = impl.busy.load(),
          .failed_groups = impl.failed_groups.load(),
          .reruns = impl.reruns.load(),
          .bytes = impl.bytes.load(),
          .write_seconds = static_cast<double>(impl.write_us.load()) / 1e6,
          .run_seconds = static_cast<double>(impl.run_us.load()) / 1e6,
          .queue_depth = impl.queue_depth.load(),
          .group_transactions = impl.group_transactions.Read(),
          .group_writes = impl.group_writes.Read()};
}

}  // namespace forebay::kv
