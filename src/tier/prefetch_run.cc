// How a prefetch job runs: page by page, under its lease.
#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "async/semaphore.h"
#include "async/sleep.h"
#include "async/task_group.h"
#include "base/log.h"
#include "engine/list_blobs.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/evict_walk.h"
#include "tier/glob.h"
#include "tier/live_names.h"
#include "tier/prefetch_job.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::chrono::minutes kLease{1};
constexpr std::size_t kNamesPerPage = 1000;
constexpr int kMaxNoSpace = 30;  // tries while eviction makes room
constexpr int kMaxLooks = 4;     // at a blob that changes meanwhile

}  // namespace

bool MustWait(const Error& error) {
  switch (error.code()) {
    case Code::kNoSpace:
    case Code::kLimitExceeded:  // no room, see prefetch_blob.h
    case Code::kOffline:
    case Code::kIo:  // our own store
    case Code::kBusy:
    case Code::kVolumeFailed:
      return true;
    default:
      break;
  }
  return lake::ConcernsWholeLake(lake::Classify(error));
}

namespace {

void Finish(meta::PrefetchState state, WallTime now, const AttachmentPtr& attachment,
            meta::PrefetchRecord& record) {
  record.state = state;
  record.finished = now;
  Log(LogLevel::kInfo, "prefetch finished",
      {{"container", attachment->record.container},
       {"pattern", record.pattern},
       {"state", PrefetchStateName(state)},
       {"blobs", std::to_string(record.done)},
       {"failed", std::to_string(record.failed)}});
}

Task<std::optional<meta::BlobRecord>> FindRecord(engine::Services& services,
                                                 AttachmentPtr attachment, std::string name) {
  co_return co_await engine::ReadMeta(
      services,
      [attachment, name](const kv::Reader& reader) -> Result<std::optional<meta::BlobRecord>> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment));
        return meta::NamespaceOf(container).Find(reader, container.id, name);
      });
}

}  // namespace

Task<> Prefetcher::Lease(JobPtr job) {
  const SteadyTime now = services_.clock.SteadyNow();
  if (now < job->leased_until) co_return Result<>{};
  auto slot = std::make_shared<meta::FencingToken>();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [name = job->lease, slot, owner = owner_,
       &clock = services_.clock](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*slot, meta::AcquireLease(txn, name, owner, clock.Now(), kLease));
        return {};
      },
      kv::Durability::kLazy));
  job->token = *slot;
  job->leased_until = now + kLease / 3;
  co_return Result<>{};
}

// A page can take hours, a lease lasts a minute.
Task<> Prefetcher::KeepLease(JobPtr job, std::stop_token until) {
  OpContext context;
  context.cancel = until;
  while (co_await SleepFor(kLease / 3, context)) {
    job->leased_until = {};
    FB_CO_RETURN_IF_ERROR(co_await Lease(job));
  }
  co_return Result<>{};
}

Task<> Prefetcher::Load(JobPtr job) {
  FB_CO_ASSIGN_OR_RETURN(
      job->record, co_await engine::ReadMeta(
                       services_,
                       [attachment = job->attachment,
                        id = job->id](const kv::Reader& reader) -> Result<meta::PrefetchRecord> {
                         FB_RETURN_IF_ERROR(AttachedContainer(reader, *attachment));
                         FB_ASSIGN_OR_RETURN(
                             auto stored, reader.Get(keys::PrefetchJob(attachment->container, id)));
                         if (!stored) return Fail(Code::kStale, "The prefetch job is gone.");
                         return meta::DecodePrefetch(*stored);
                       }));
  job->brought->stored = std::max<std::uint64_t>(job->brought->stored, job->record.fetched);
  co_return Result<>{};
}

// kCancelled when somebody has ended it meanwhile.
Task<> Prefetcher::Store(JobPtr job, meta::PrefetchRecord record) {
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [job, record, token = job->token](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(meta::CheckLease(txn, job->lease, token));
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *job->attachment));
        const std::string key = keys::PrefetchJob(job->attachment->container, job->id);
        FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
        if (!stored) return Fail(Code::kStale, "The prefetch job is gone.");
        FB_ASSIGN_OR_RETURN(const meta::PrefetchRecord there, meta::DecodePrefetch(*stored));
        if (there.state != meta::PrefetchState::kRunning) {
          return Fail(Code::kCancelled, "The prefetch job was cancelled.");
        }
        txn.Put(key, meta::Encode(record));
        return {};
      },
      kv::Durability::kLazy));
  job->record = std::move(record);
  co_return Result<>{};
}

// It does not fit: what there is no room for is not tried again.
Task<> Prefetcher::EndFull(JobPtr job) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(job));
  meta::PrefetchRecord record = job->record;
  record.matched += job->matched;
  record.done += job->done;
  record.failed += job->failed;
  record.bytes += job->bytes;
  record.fetched = job->brought->stored;
  {
    std::lock_guard lock(job->mutex);
    record.last_error = job->waits_for;
  }
  Finish(meta::PrefetchState::kNoRoom, services_.clock.Now(), job->attachment, record);
  co_return co_await Store(job, std::move(record));
}

Task<> Prefetcher::BringOne(OpContext context, JobPtr job, std::string name,
                            meta::BlobRecord record, Permit permit) {
  Result<std::uint64_t> brought;
  for (int look = 0; look < kMaxLooks; ++look) {
    if (!record.body.in_lake) break;
    brought = co_await bringer_.Bring(context, job->attachment, name, record, job->brought);
    if (brought || brought.error().code() != Code::kStale) break;
    auto again = co_await FindRecord(services_, job->attachment, name);
    if (!again) {
      brought = Fail(std::move(again.error()));
      break;
    }
    if (!*again) break;
    record = std::move(**again);
  }
  if (brought) {
    ++job->done;
    job->bytes += record.length;
    co_return Result<>{};
  }
  std::lock_guard lock(job->mutex);
  if (MustWait(brought.error())) {
    if (!job->waits) job->waits = std::move(brought.error());
    co_return Result<>{};
  }
  ++job->failed;
  job->last_error = name + ": " + brought.error().message();
  co_return Result<>{};
}

Task<> Prefetcher::DoPage(OpContext context, JobPtr job, Found names) {
  for (auto* count : {&job->matched, &job->done, &job->failed, &job->bytes}) *count = 0;
  {
    std::lock_guard lock(job->mutex);
    job->waits.reset();
  }
  const Executor executor = co_await boost::asio::this_coro::executor;
  std::stop_source page_done;
  TaskGroup keeper(executor);
  keeper.Spawn(KeepLease(job, page_done.get_token()));
  Semaphore at_a_time(blobs_);
  TaskGroup group(executor);
  Result<> done;
  job->matched = names.size();
  for (auto& [name, record] : names) {
    auto permit = co_await at_a_time.Acquire(1, context);
    if (!permit) {
      done = Fail(std::move(permit.error()));
      break;
    }
    {
      std::lock_guard lock(job->mutex);
      if (job->waits) break;
    }
    group.Spawn(BringOne(context, job, std::move(name), std::move(record), std::move(*permit)));
  }
  (void)co_await group.Join();
  page_done.request_stop();
  (void)co_await keeper.Join();
  FB_CO_RETURN_IF_ERROR(std::move(done));
  std::lock_guard lock(job->mutex);
  if (job->waits) co_return Fail(*job->waits);
  co_return Result<>{};
}

Task<> Prefetcher::Work(OpContext context, JobPtr job) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(job));
  FB_CO_RETURN_IF_ERROR(co_await Load(job));
  if (job->record.state != meta::PrefetchState::kRunning) co_return Result<>{};
  FB_CO_ASSIGN_OR_RETURN(const Glob glob, Glob::Parse(job->record.pattern));
  std::stop_source over;
  TaskGroup beside(co_await boost::asio::this_coro::executor);
  if (job->expected_names == 0) {
    OpContext counting;
    counting.cancel = over.get_token();
    beside.Spawn(CountAhead(std::move(counting), job, glob, job->record));
  }
  auto done = co_await DoPages(std::move(context), job, glob);
  over.request_stop();
  (void)co_await beside.Join();
  co_return done;
}

Task<> Prefetcher::CountAhead(OpContext context, JobPtr job, Glob glob,
                              meta::PrefetchRecord begun) {
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                         co_await engine::ReadMeta(services_, [job](const kv::Reader& reader) {
                           return AttachedContainer(reader, *job->attachment);
                         }));
  if (container.lake.importing) co_return Result<>{};
  WalkRequest request;
  request.attachment = job->attachment;
  request.prefix = glob.literal_prefix();
  request.start = begun.position;
  do {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await Walk(services_, request));
    for (const WalkedName& walked : page.names) {
      if (!glob.Matches(walked.name)) continue;
      ++begun.matched;
      begun.bytes += walked.record.length;
    }
    request.start = std::move(page.next);
  } while (!request.start.empty());
  job->expected_names = begun.matched;
  job->expected_bytes = begun.bytes;
  co_return Result<>{};
}

Task<> Prefetcher::DoPages(OpContext context, JobPtr job, Glob glob) {
  const meta::AttachRecord& place = job->attachment->record;
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await Lease(job));
    engine::ListBlobsRequest request;
    request.target = {{azure::AccountName(place.account), false},
                      azure::ContainerName(place.container)};
    request.prefix = glob.literal_prefix();
    request.start = job->record.position;
    request.max_results = kNamesPerPage;
    FB_CO_ASSIGN_OR_RETURN(engine::ListBlobsResult page,
                           co_await engine::ListBlobs(services_, context, std::move(request)));
    Found found;
    for (engine::ListedBlob& item : page.items) {
      if (!item.record || item.record->directory || !glob.Matches(item.name)) continue;
      found.emplace_back(std::move(item.name), std::move(*item.record));
    }
    FB_CO_RETURN_IF_ERROR(co_await DoPage(context, job, std::move(found)));
    meta::PrefetchRecord record = job->record;
    record.position = page.next;
    record.matched += job->matched.exchange(0);
    record.done += job->done.exchange(0);
    record.failed += job->failed.exchange(0);
    record.bytes += job->bytes.exchange(0);
    record.fetched = job->brought->stored;
    {
      std::lock_guard lock(job->mutex);
      if (!job->last_error.empty()) record.last_error = job->last_error;
      job->waits_for.clear();
    }
    // With the last page in one: a position without an end would begin anew.
    const bool last = page.next.empty();
    if (last) Finish(meta::PrefetchState::kDone, services_.clock.Now(), job->attachment, record);
    FB_CO_RETURN_IF_ERROR(co_await Store(job, std::move(record)));
    if (last) co_return Result<>{};
  }
}

Task<> Prefetcher::Drive(JobPtr job) {
  // Ends with the process, or when it is cancelled.
  std::stop_callback with_loop(loop_.token(), [job] { job->stop.request_stop(); });
  OpContext context;
  context.cancel = job->stop.get_token();
  int full = 0;
  std::uint64_t brought = 0;
  while (!context.cancel.stop_requested() && !job->attachment->detached) {
    auto done = co_await Work(context, job);
    if (done || done.error().code() == Code::kStale) break;
    if (const Code code = done.error().code(); code != Code::kLocked) {
      std::lock_guard lock(job->mutex);
      job->waits_for = lake::Advise(done.error());
    }
    if (job->brought->stored > brought) full = 0;
    brought = job->brought->stored;
    if (done.error().code() == Code::kNoSpace) ++full;
    if (done.error().code() == Code::kLimitExceeded || full >= kMaxNoSpace) {
      (void)co_await EndFull(job);
      break;
    }
    (void)co_await SleepFor(retry_, context);
  }
  std::lock_guard lock(mutex_);
  jobs_.erase({job->attachment->container, job->id});
  co_return Result<>{};
}

Task<> Prefetcher::RunHere(OpContext context, AttachmentPtr attachment, std::uint64_t id) {
  co_return co_await Work(std::move(context), MakeJob(std::move(attachment), id));
}

}  // namespace forebay::tier
