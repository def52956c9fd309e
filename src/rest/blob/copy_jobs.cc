#include "rest/blob/copy_jobs.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "async/run_sync.h"
#include "async/semaphore.h"
#include "async/sleep.h"
#include "async/task_group.h"
#include "base/codec.h"
#include "base/log.h"
#include "engine/find_pending_copy.h"
#include "engine/get_blob.h"
#include "engine/put_block.h"
#include "engine/put_block_list.h"
#include "meta/keys.h"
#include "meta/resource_lease.h"
#include "rest/blob/copy_parts.h"
#include "rest/blob/pending_copy.h"

namespace forebay::rest {
namespace {

constexpr std::size_t kMaxJobs = 10'000;
// Each makes the copy begin again; a client that goes on renaming ends it.
constexpr int kMaxMoves = 20;

struct Job {
  PendingCopy copy;
  std::stop_source cancel;
  std::atomic<std::uint64_t> fetched{0};
  std::optional<CopyParts> parts;  // of a copy that is made in parts; the worker's
  int moves = 0;                   // how often the blob was found changed or elsewhere

  OpContext Context() const {
    return {
        .request_id = copy.copy.id, .deadline = SteadyTime::max(), .cancel = cancel.get_token()};
  }
};
using JobPtr = std::shared_ptr<Job>;

// Counts what a job has fetched.
class CountingReader final : public BodyReader {
 public:
  CountingReader(BodyReader& inner, std::atomic<std::uint64_t>& count)
      : inner_(inner), count_(count) {}
  std::optional<std::uint64_t> content_length() const override { return inner_.content_length(); }
  Task<std::size_t> Read(MutableByteView data) override {
    auto size = co_await inner_.Read(data);
    if (size) count_ += *size;
    co_return size;
  }

 private:
  BodyReader& inner_;
  std::atomic<std::uint64_t>& count_;
};

azure::Conditions OnlyIf(azure::ETag etag) {
  azure::Conditions conditions;
  conditions.if_match = azure::ETagCondition{.any = false, .etags = {std::move(etag)}};
  return conditions;
}

// The blob of the job was overwritten, deleted or aborted.
bool IsObsolete(const Error& error) {
  return error.code() == Code::kConditionNotMet || error.code() == Code::kBlobNotFound ||
         error.code() == Code::kContainerNotFound || error.code() == Code::kCopyIdMismatch ||
         error.code() == Code::kNoPendingCopyOperation;
}

// True where another attempt may do better: everything but a source that said no.
bool IsTemporary(const Error& error) {
  const auto status = SourceStatusOf(error);
  if (!status) return error.retryable() || error.code() == Code::kNoSpace;
  return *status >= 500 || *status == 429 || *status == 400;
}

}  // namespace

struct CopyJobs::Impl {
  Impl(CopyJobOptions job_options, engine::Services& engine_services, SourceFetcher& source_fetcher)
      : options(job_options),
        services(engine_services),
        fetcher(source_fetcher),
        slots(job_options.parallel) {}

  // The pending blob's ETag. kCopyIdMismatch or kNoPendingCopyOperation when it is another copy's.
  Task<meta::BlobRecord> PendingRecord(OpContext context, engine::BlobTarget target,
                                       std::string copy_id);
  Task<> CopyOnce(JobPtr job);
  // Replaces the pending blob by an empty one that says how the copy ended.
  Task<> Conclude(OpContext context, engine::BlobTarget target, meta::BlobRecord record,
                  azure::CopyStatus status, std::string description);
  Task<> Attempt(JobPtr job);
  // What follows an attempt that failed: the copy is concluded as failed, or has ended otherwise
  // (false), or its blob is still pending and another attempt is due (true). No blob stays pending
  // without a job. An error: nobody has been told, the record has to stay.
  Task<bool> Resolve(JobPtr job, Error error);
  Task<bool> Follow(JobPtr job);
  boost::asio::awaitable<void> Run(JobPtr job);
  Task<> EraseRecord(std::string copy_id);
  void Spawn(JobPtr job);
  void Forget(const std::string& copy_id);
  JobPtr Find(const std::string& copy_id) const;

  const CopyJobOptions options;
  engine::Services& services;
  SourceFetcher& fetcher;
  Semaphore slots;

  boost::asio::io_context loop{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard;
  std::unique_ptr<TaskGroup> group;
  std::thread thread;

  mutable std::mutex mutex;
  std::condition_variable idle;
  std::map<std::string, JobPtr> jobs;
  bool running = false;
  std::atomic<std::uint64_t> completed{0};
  std::atomic<std::uint64_t> failed{0};
};

Task<meta::BlobRecord> CopyJobs::Impl::PendingRecord(OpContext context, engine::BlobTarget target,
                                                     std::string copy_id) {
  engine::GetBlobRequest head;
  head.target = std::move(target);
  head.want_body = false;
  FB_CO_ASSIGN_OR_RETURN(auto blob,
                         co_await engine::GetBlob(services, std::move(context), std::move(head)));
  if (blob.record.copy.status != azure::CopyStatus::kPending) {
    co_return Fail(Code::kNoPendingCopyOperation, "There is currently no pending copy operation.");
  }
  if (blob.record.copy.id != copy_id) {
    co_return Fail(Code::kCopyIdMismatch,
                   "The specified copy ID did not match the copy ID for the pending copy "
                   "operation.");
  }
  co_return std::move(blob.record);
}

Task<> CopyJobs::Impl::CopyOnce(JobPtr job) {
  const OpContext context = job->Context();
  FB_CO_ASSIGN_OR_RETURN(const meta::BlobRecord record,
                         co_await PendingRecord(context, job->copy.target, job->copy.copy.id));
  const std::uint64_t total = job->copy.copy.bytes_total;
  if (total > options.whole_bytes) {
    if (!job->parts) {
      CopyParts parts = DivideCopy(total, options.part_bytes);
      // What is staged under another name than the one it began with is not known to be its own.
      if (job->moves == 0) {
        FB_CO_ASSIGN_OR_RETURN(
            parts.staged, co_await CountStagedParts(services, context, job->copy.target, parts));
      }
      job->parts = parts;
    }
    co_return co_await CopyAsParts(services, fetcher, context, job->copy, record, *job->parts,
                                   job->fetched);
  }
  job->fetched = 0;
  FetchRequest fetch;
  fetch.url = job->copy.url;
  if (!job->copy.source_etag.empty()) fetch.headers.Add("If-Match", job->copy.source_etag);
  FB_CO_ASSIGN_OR_RETURN(FetchedSource source, co_await fetcher.Fetch(context, std::move(fetch)));
  CountingReader counted(*source.body, job->fetched);
  engine::PutBlobRequest put;
  put.target = job->copy.target;
  put.conditions = OnlyIf(azure::MakeETag(record.etag.value()));
  put.attributes = job->copy.attributes;
  put.copy = job->copy.copy;
  put.copy.status = azure::CopyStatus::kSuccess;
  put.copy.bytes_copied = put.copy.bytes_total = source.length;
  put.copy.completed = services.clock.Now();
  put.body = &counted;
  FB_CO_RETURN_IF_ERROR(co_await engine::PutBlob(services, context, std::move(put)));
  co_return Result<>();
}

Task<> CopyJobs::Impl::Conclude(OpContext context, engine::BlobTarget target,
                                meta::BlobRecord record, azure::CopyStatus status,
                                std::string description) {
  engine::PutBlobRequest put;
  put.target = std::move(target);
  put.conditions = OnlyIf(azure::MakeETag(record.etag.value()));
  put.attributes = {record.http, record.metadata, record.tags, std::nullopt};
  put.attributes.http.content_md5.clear();
  if (!record.tier_inferred) put.attributes.tier = record.tier;
  put.copy = std::move(record.copy);
  put.copy.status = status;
  put.copy.description = std::move(description);
  put.copy.completed = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await engine::PutBlob(services, std::move(context), std::move(put)));
  co_return Result<>();
}

Task<> CopyJobs::Impl::Attempt(JobPtr job) {
  const OpContext context = job->Context();
  FB_CO_ASSIGN_OR_RETURN(const Permit permit, co_await slots.Acquire(1, context));
  auto pause = std::chrono::nanoseconds(options.retry_after);
  for (int attempt = 1;; ++attempt) {
    auto done = co_await CopyOnce(job);
    if (done) co_return done;
    const bool again = attempt < options.attempts && IsTemporary(done.error()) &&
                       !IsObsolete(done.error()) && !job->cancel.stop_requested();
    if (!again) co_return done;
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(pause, context));
    pause *= 2;
  }
}

// A directory above the blob may have been renamed: the job goes on where the blob is now. The
// record on disk keeps the name that it began with; the next start finds the blob in the same way.
Task<bool> CopyJobs::Impl::Follow(JobPtr job) {
  engine::BlobTarget& target = job->copy.target;
  if (!target.account.hierarchical) co_return false;
  auto found = co_await engine::FindPendingCopy(
      services, job->Context(), {target.account, target.container}, job->copy.copy.id);
  if (!found && found.error().code() == Code::kContainerNotFound) co_return false;
  if (!found) co_return Fail(std::move(found.error()));
  if (!*found) co_return false;
  target.blob = std::move(**found);
  // Staged parts belong to the old name, and expire there.
  job->parts.reset();
  job->fetched = 0;
  co_return true;
}

Task<bool> CopyJobs::Impl::Resolve(JobPtr job, Error error) {
  auto record = co_await PendingRecord(job->Context(), job->copy.target, job->copy.copy.id);
  if (!record && !IsObsolete(record.error())) co_return Fail(std::move(record.error()));
  if (!record) {
    ++job->moves;
    co_return co_await Follow(job);
  }
  // Pending still: it was changed by what a pending copy does not hold back, or moved and came
  // back.
  if (IsObsolete(error) && ++job->moves < kMaxMoves) co_return true;
  Log(LogLevel::kWarn, "copy failed",
      {{"copy_id", job->copy.copy.id}, {"error", error.ToString()}});
  auto told = co_await Conclude(job->Context(), job->copy.target, std::move(*record),
                                azure::CopyStatus::kFailed, error.message());
  if (told) {
    ++failed;
    co_return false;
  }
  // Moved in between.
  if (IsObsolete(told.error())) co_return co_await Follow(job);
  co_return Fail(std::move(told.error()));
}

boost::asio::awaitable<void> CopyJobs::Impl::Run(JobPtr job) {
  const std::string id = job->copy.copy.id;
  while (true) {
    auto done = co_await Attempt(job);
    if (done) {
      ++completed;
      break;
    }
    Result<bool> again = true;
    if (!job->cancel.stop_requested()) again = co_await Resolve(job, std::move(done.error()));
    if (!again || job->cancel.stop_requested()) {
      // Stopped, or nobody could be told: the record stays for the next start. Aborted: who aborted
      // has removed it.
      Forget(id);
      co_return;
    }
    if (!*again) break;
  }
  if (auto erased = co_await EraseRecord(id); !erased) {
    Log(LogLevel::kWarn, "cannot remove a copy's record",
        {{"copy_id", id}, {"error", erased.error().ToString()}});
  }
  Forget(id);
}

Task<> CopyJobs::Impl::EraseRecord(std::string copy_id) {
  const std::string key = meta::keys::PendingCopy(copy_id);
  co_return co_await services.store.Transact([key](kv::Transaction& txn) -> Result<> {
    txn.Erase(key);
    return {};
  });
}

void CopyJobs::Impl::Spawn(JobPtr job) {
  // Under the lock, so that Stop sees the job, or the job sees that all has stopped. Its record
  // then waits for the next start.
  std::lock_guard lock(mutex);
  if (!running) return;
  jobs.emplace(job->copy.copy.id, job);
  group->Spawn(Run(std::move(job)));
}

void CopyJobs::Impl::Forget(const std::string& copy_id) {
  std::lock_guard lock(mutex);
  jobs.erase(copy_id);
  if (jobs.empty()) idle.notify_all();
}

JobPtr CopyJobs::Impl::Find(const std::string& copy_id) const {
  std::lock_guard lock(mutex);
  const auto found = jobs.find(copy_id);
  return found == jobs.end() ? nullptr : found->second;
}

CopyJobs::CopyJobs(CopyJobOptions options, engine::Services& services, SourceFetcher& fetcher)
    : impl_(std::make_unique<Impl>(options, services, fetcher)) {}

CopyJobs::~CopyJobs() { Stop(); }

const CopyJobOptions& CopyJobs::options() const { return impl_->options; }

Result<> CopyJobs::Start() {
  if (impl_->running) return {};
  std::vector<JobPtr> found;
  const std::string prefix = meta::keys::PendingCopies();
  const auto reader = impl_->services.store.GetSnapshot();
  const auto rows = reader->Scan(prefix, PrefixEnd(prefix));
  for (; rows->Valid(); rows->Next()) {
    auto decoded = DecodePendingCopy(rows->value());
    if (!decoded) {
      // One bad record must not keep the server from starting.
      Log(LogLevel::kError, "cannot read a pending copy", {{"error", decoded.error().ToString()}});
      continue;
    }
    found.push_back(std::make_shared<Job>());
    found.back()->copy = std::move(*decoded);
  }
  FB_RETURN_IF_ERROR(rows->status());
  impl_->loop.restart();
  impl_->guard.emplace(impl_->loop.get_executor());
  impl_->group = std::make_unique<TaskGroup>(impl_->loop.get_executor());
  impl_->thread = std::thread([this] { impl_->loop.run(); });
  {
    std::lock_guard lock(impl_->mutex);
    impl_->running = true;
  }
  for (JobPtr& job : found) impl_->Spawn(std::move(job));
  return {};
}

void CopyJobs::Stop() {
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->running) return;
    impl_->running = false;
    for (auto& [id, job] : impl_->jobs) job->cancel.request_stop();
  }
  impl_->group->Cancel();
  auto joined = RunSync(impl_->group->Join());
  if (!joined) Log(LogLevel::kWarn, "copy jobs ended", {{"error", joined.error().ToString()}});
  impl_->guard.reset();
  impl_->thread.join();
  impl_->group.reset();
}

Task<engine::Changed> CopyJobs::Begin(OpContext context, engine::PutBlobRequest pending,
                                      std::string url, std::string source_etag) {
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->running || impl_->jobs.size() >= kMaxJobs) {
      co_return Fail(Code::kBusy, "The server cannot take another pending copy now; try again.");
    }
  }
  constexpr std::uint64_t kMost = std::uint64_t{engine::kMaxBlocks} * engine::kMaxBlockBytes;
  if (pending.copy.bytes_total > kMost) {
    co_return Fail(Code::kSourceTooLarge, "The source is larger than a blob can be.");
  }
  auto job = std::make_shared<Job>();
  job->copy = {pending.target, std::move(url), std::move(source_etag), pending.attributes,
               pending.copy};
  // The record first: a pending blob without one would stay pending for ever.
  const std::string key = meta::keys::PendingCopy(pending.copy.id);
  const std::string value = Encode(job->copy);
  if (value.size() > kv::kMaxValueBytes) {
    co_return Fail(Code::kRequestBodyTooLarge, "The copy's attributes are too large.");
  }
  FB_CO_RETURN_IF_ERROR(
      co_await impl_->services.store.Transact([key, value](kv::Transaction& txn) -> Result<> {
        txn.Put(key, value);
        return {};
      }));
  pending.copy.status = azure::CopyStatus::kPending;
  pending.body = nullptr;
  auto put = co_await engine::PutBlob(impl_->services, std::move(context), std::move(pending));
  if (!put) {
    auto erased = co_await impl_->EraseRecord(job->copy.copy.id);
    if (!erased) Log(LogLevel::kWarn, "a copy's record stays", {{"copy_id", job->copy.copy.id}});
    co_return Fail(std::move(put.error()));
  }
  impl_->Spawn(std::move(job));
  co_return put->changed;
}

Task<> CopyJobs::Abort(OpContext context, engine::BlobTarget target, std::string copy_id,
                       std::optional<std::string> lease_id) {
  FB_CO_ASSIGN_OR_RETURN(meta::BlobRecord record,
                         co_await impl_->PendingRecord(context, target, copy_id));
  // Nobody can take, change or break the lease while the copy is pending.
  FB_CO_RETURN_IF_ERROR(meta::CheckLeaseForWrite(record.lease, lease_id, meta::LeasedThing::kBlob,
                                                 impl_->services.clock.Now()));
  auto told = co_await impl_->Conclude(std::move(context), std::move(target), std::move(record),
                                       azure::CopyStatus::kAborted, "Aborted by the client.");
  if (!told && IsObsolete(told.error())) {
    co_return Fail(Code::kNoPendingCopyOperation, "There is currently no pending copy operation.");
  }
  FB_CO_RETURN_IF_ERROR(std::move(told));
  if (const JobPtr job = impl_->Find(copy_id)) job->cancel.request_stop();
  co_return co_await impl_->EraseRecord(std::move(copy_id));
}

std::optional<std::uint64_t> CopyJobs::Progress(const std::string& copy_id) const {
  const JobPtr job = impl_->Find(copy_id);
  if (job == nullptr) return std::nullopt;
  return job->fetched.load();
}

CopyJobStats CopyJobs::stats() const {
  std::lock_guard lock(impl_->mutex);
  return {.pending = impl_->jobs.size(), .completed = impl_->completed, .failed = impl_->failed};
}

void CopyJobs::WaitIdle() {
  std::unique_lock lock(impl_->mutex);
  impl_->idle.wait(lock, [this] { return impl_->jobs.empty(); });
}

}  // namespace forebay::rest
