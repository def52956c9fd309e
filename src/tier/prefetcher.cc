#include "tier/prefetcher.h"

#include <algorithm>

#include "base/codec.h"
#include "base/uuid.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "tier/glob.h"
#include "tier/live_names.h"
#include "tier/prefetch_job.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kMaxUnfinished = 64;
constexpr std::size_t kMaxFinished = 100;

Result<std::vector<meta::PrefetchRecord>> JobsOf(const kv::Reader& reader,
                                                 meta::ContainerId container) {
  std::vector<meta::PrefetchRecord> jobs;
  const std::string prefix = keys::PrefetchJobsOf(container);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(meta::PrefetchRecord record, meta::DecodePrefetch(it->value()));
    jobs.push_back(std::move(record));
  }
  FB_RETURN_IF_ERROR(it->status());
  return jobs;
}

}  // namespace

std::string_view PrefetchStateName(meta::PrefetchState state) {
  switch (state) {
    case meta::PrefetchState::kRunning:
      return "running";
    case meta::PrefetchState::kDone:
      return "done";
    case meta::PrefetchState::kCancelled:
      return "cancelled";
    case meta::PrefetchState::kNoRoom:
      return "no_room";
    case meta::PrefetchState::kFailed:
      return "failed";
  }
  return "failed";
}

Prefetcher::Prefetcher(engine::Services& services, const Attachments& attachments,
                       BlobBringer& bringer, WorkerLoop& loop, const PrefetchOptions& options,
                       std::chrono::milliseconds retry, bool run_jobs)
    : services_(services),
      attachments_(attachments),
      bringer_(bringer),
      loop_(loop),
      blobs_(std::max<std::size_t>(options.blobs, 1)),
      retry_(retry),
      run_jobs_(run_jobs),
      owner_(RandomU64() | 1U) {}

Prefetcher::~Prefetcher() = default;

Prefetcher::JobPtr Prefetcher::MakeJob(AttachmentPtr attachment, std::uint64_t id) const {
  auto job = std::make_shared<Job>();
  job->lease =
      "prefetch/" + std::to_string(attachment->container.value()) + "/" + std::to_string(id);
  job->attachment = std::move(attachment);
  job->id = id;
  return job;
}

void Prefetcher::Start(AttachmentPtr attachment, std::uint64_t id) {
  if (!run_jobs_) return;
  JobPtr job;
  {
    std::lock_guard lock(mutex_);
    JobPtr& slot = jobs_[{attachment->container, id}];
    if (slot) return;
    slot = MakeJob(std::move(attachment), id);
    job = slot;
  }
  loop_.Spawn(Drive(std::move(job)));
}

Result<> Prefetcher::Resume(const kv::Reader& reader) {
  for (const AttachmentPtr& attachment : attachments_.All()) {
    FB_ASSIGN_OR_RETURN(const auto jobs, JobsOf(reader, attachment->container));
    for (const meta::PrefetchRecord& record : jobs) {
      if (record.state == meta::PrefetchState::kRunning) Start(attachment, record.id);
    }
  }
  return {};
}

Task<std::uint64_t> Prefetcher::Begin(OpContext context, AttachmentPtr attachment,
                                      std::string pattern) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(Glob::Parse(pattern));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services_.ids.Next());
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [attachment, pattern, id, now = services_.clock.Now()](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        FB_ASSIGN_OR_RETURN(const auto jobs, JobsOf(txn, attachment->container));
        std::size_t unfinished = 0;
        for (const auto& job : jobs) {
          unfinished += job.state == meta::PrefetchState::kRunning ? 1 : 0;
        }
        if (unfinished >= kMaxUnfinished) {
          return Fail(Code::kLimitExceeded, "Too many prefetch jobs are unfinished.");
        }
        // Ids grow: the first ones are the oldest.
        std::size_t finished = jobs.size() - unfinished;
        for (const auto& job : jobs) {
          if (finished < kMaxFinished) break;
          if (job.state == meta::PrefetchState::kRunning) continue;
          txn.Erase(keys::PrefetchJob(attachment->container, job.id));
          --finished;
        }
        meta::PrefetchRecord record;
        record.id = id;
        record.pattern = pattern;
        record.created = now;
        txn.Put(keys::PrefetchJob(attachment->container, id), meta::Encode(record));
        return {};
      }));
  Start(attachment, id);
  co_return id;
}

PrefetchStatus Prefetcher::StatusOf(const AttachmentPtr& attachment,
                                    meta::PrefetchRecord record) const {
  PrefetchStatus status;
  status.account = attachment->record.account;
  status.container = attachment->record.container;
  status.record = std::move(record);
  JobPtr job;
  {
    std::lock_guard lock(mutex_);
    const auto it = jobs_.find({attachment->container, status.record.id});
    if (it != jobs_.end()) job = it->second;
  }
  if (!job) return status;
  status.running_here = true;
  status.expected_names = job->expected_names;
  status.expected_bytes = job->expected_bytes;
  // The page under way is not in the record yet.
  status.record.matched += job->matched;
  status.record.done += job->done;
  status.record.failed += job->failed;
  status.record.bytes += job->bytes;
  status.record.fetched = std::max<std::uint64_t>(status.record.fetched, job->brought->stored);
  std::lock_guard lock(job->mutex);
  if (!job->last_error.empty()) status.record.last_error = job->last_error;
  status.waits_for = job->waits_for;
  return status;
}

Task<std::vector<PrefetchStatus>> Prefetcher::List(AttachmentPtr attachment) {
  FB_CO_ASSIGN_OR_RETURN(
      std::vector<meta::PrefetchRecord> jobs,
      co_await engine::ReadMeta(services_, [id = attachment->container](const kv::Reader& reader) {
        return JobsOf(reader, id);
      }));
  std::vector<PrefetchStatus> all;
  std::ranges::reverse(jobs);
  for (meta::PrefetchRecord& record : jobs) {
    all.push_back(StatusOf(attachment, std::move(record)));
  }
  co_return all;
}

Task<> Prefetcher::Cancel(AttachmentPtr attachment, std::uint64_t id) {
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [container = attachment->container, id,
       now = services_.clock.Now()](kv::Transaction& txn) -> Result<> {
        const std::string key = keys::PrefetchJob(container, id);
        FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
        if (!stored) return Fail(Code::kResourceNotFound, "There is no such prefetch job.");
        FB_ASSIGN_OR_RETURN(meta::PrefetchRecord record, meta::DecodePrefetch(*stored));
        if (record.state != meta::PrefetchState::kRunning) return {};
        record.state = meta::PrefetchState::kCancelled;
        record.finished = now;
        txn.Put(key, meta::Encode(record));
        return {};
      }));
  std::lock_guard lock(mutex_);
  const auto it = jobs_.find({attachment->container, id});
  if (it != jobs_.end()) it->second->stop.request_stop();
  co_return Result<>{};
}

}  // namespace forebay::tier
