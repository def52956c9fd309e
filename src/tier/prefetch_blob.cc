#include "tier/prefetch_blob.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <ctime>
#include <optional>
#include <vector>

#include "async/sleep.h"
#include "engine/read_gate.h"
#include "lake/failure.h"
#include "tier/pending_trees.h"
#include "tier/runs.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kRunsAtATime = 256;
// What was planned may turn out to be here already, or be taken out again: a few looks are enough.
constexpr int kMaxLooks = 4;
constexpr std::chrono::milliseconds kBurst{1000};
// While the schedule says "paused", and for waits in pieces that a cancellation ends.
constexpr std::chrono::seconds kLookAgain{1};

// How far local time is from UTC at that moment: schedules are read in local time.
std::chrono::minutes UtcOffset(WallTime now) {
  const std::time_t seconds = now.seconds();
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return {};
  return std::chrono::minutes(local.tm_gmtoff / 60);
}

bool MeansChanged(const Error& error) {
  const Code code = error.code();
  return code == Code::kConditionNotMet || code == Code::kBlobNotFound ||
         code == Code::kBlobArchived || code == Code::kInvalidRange;
}

}  // namespace

struct BlobBringer::Work {
  OpContext context;
  FetchTargetPtr target;
  BroughtBytes brought;  // of the job
  // Of this look.
  std::uint64_t here = 0;
  std::atomic<std::uint64_t> stored{0};
  std::mutex mutex;
  std::optional<Error> error;

  bool failed() {
    std::lock_guard lock(mutex);
    return error.has_value();
  }
  void Fail(Error why) {
    std::lock_guard lock(mutex);
    if (!error) error = std::move(why);
  }
};

BlobBringer::BlobBringer(engine::Services& services, LiveNames& names, Fetcher& fetcher,
                         const Evictor& evictor, PrefetchOptions options)
    : services_(services),
      names_(names),
      fetcher_(fetcher),
      evictor_(evictor),
      options_(std::move(options)),
      slots_(std::max<std::size_t>(options_.fetches, 1)),
      bucket_(kBurst) {}

Task<> BlobBringer::Pace(OpContext context, std::uint64_t bytes) {
  while (true) {
    const WallTime now = services_.clock.Now();
    const Rate rate = options_.rate.At(now, UtcOffset(now));
    if (rate.unlimited()) co_return Result<>{};
    std::optional<std::chrono::nanoseconds> wait;
    {
      std::lock_guard lock(mutex_);
      wait = bucket_.Take(bytes, rate, std::chrono::steady_clock::now());
    }
    if (wait) co_return co_await SleepFor(*wait, std::move(context));
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(kLookAgain, context));
  }
}

Task<> BlobBringer::Await(WorkPtr work, FetchPtr fetch, Permit slot) {
  auto stored = co_await fetch->WaitSettled(work->context);
  slot.Release();
  const std::uint64_t bytes = stored && *stored ? fetch->span().length() : 0;
  work->brought->stored += bytes;
  work->brought->under_way -= fetch->claimed().length();
  if (!stored) work->Fail(std::move(stored.error()));
  if (bytes == 0) co_return Result<>{};
  fetcher_.book().Keep(PieceOf(fetch->body(), fetch->span().start));
  work->stored += bytes;
  co_return Result<>{};
}

Task<BlobBringer::Claimed> BlobBringer::Claim(WorkPtr work, Span gap, std::uint64_t bytes) {
  FB_CO_RETURN_IF_ERROR(co_await Pace(work->context, bytes));
  Claimed claimed;
  FB_CO_ASSIGN_OR_RETURN(claimed.slot, co_await slots_.Acquire(1, work->context));
  claimed.fetch = fetcher_.Claim(work->target, {.offset = gap.start,
                                                .gap = gap,
                                                .want_end = work->target->length,
                                                .cause = lake::Cause::kPrefetch});
  if (!claimed.fetch) co_return Fail(Code::kCancelled, "The server is shutting down.");
  co_return std::move(claimed);
}

Task<> BlobBringer::FetchGap(WorkPtr work, TaskGroup& group, Span gap) {
  std::uint64_t at = gap.start;
  while (at < gap.end && !work->failed()) {
    // Counted before it is asked for, so that all that is under way together fits.
    const std::uint64_t bytes = std::min(gap.end - at, kFetchBytes);
    Brought& brought = *work->brought;
    brought.under_way += bytes;
    if (brought.stored + brought.under_way > evictor_.KeepableBytes()) {
      brought.under_way -= bytes;
      co_return Fail(Code::kLimitExceeded,
                     "It is more than is kept here of the lake; see lake.low_watermark.");
    }
    auto claimed = co_await Claim(work, {at, gap.end}, bytes);
    brought.under_way -= bytes;
    if (!claimed) co_return Fail(std::move(claimed.error()));
    const FetchPtr fetch = claimed->fetch;
    brought.under_way += fetch->claimed().length();
    at = std::max(fetch->claimed().end, at + 1);
    group.Spawn(Await(work, fetch, std::move(claimed->slot)));
  }
  co_return Result<>{};
}

Task<bool> BlobBringer::FetchGaps(WorkPtr work) {
  work->here = 0;
  work->stored = 0;
  const meta::BodyId body = work->target->body;
  const std::uint64_t length = work->target->length;
  TaskGroup group(co_await boost::asio::this_coro::executor);
  Result<> done;
  std::uint64_t at = 0;
  while (done && at < length && !work->failed()) {
    auto runs = co_await engine::ReadMeta(services_, [body, at, length](const kv::Reader& reader) {
      return RunsIn(reader, body, {at, length}, kRunsAtATime);
    });
    if (!runs) {
      done = Fail(std::move(runs.error()));
      break;
    }
    for (const Run& run : *runs) {
      if (done && run.span.start > at) {
        done = co_await FetchGap(work, group, {at, run.span.start});
      }
      fetcher_.book().Keep(PieceOf(body, run.span.start));
      work->here += run.span.end - std::max(at, run.span.start);
      at = run.span.end;
    }
    if (done && runs->size() < kRunsAtATime) {
      if (at < length) done = co_await FetchGap(work, group, {at, length});
      at = length;
    }
  }
  (void)co_await group.Join();
  FB_CO_RETURN_IF_ERROR(std::move(done));
  if (work->failed()) co_return Fail(*work->error);
  co_return work->here + work->stored >= length;
}

Task<std::uint64_t> BlobBringer::Bring(OpContext context, AttachmentPtr attachment,
                                       std::string name, const meta::BlobRecord& record,
                                       BroughtBytes brought) {
  if (record.tier == azure::AccessTier::kArchive) {
    co_return Fail(Code::kBlobArchived, "The blob is in the archive tier; rehydrate it first.");
  }
  if (!record.lake) co_return Fail(Code::kCorruption, "A lake-held body without its lake.");
  auto target = std::make_shared<FetchTarget>();
  target->attachment = attachment;
  target->name = name;
  FB_CO_ASSIGN_OR_RETURN(target->lake_name,
                         co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                           return LakeNameOf(reader, *attachment, name, *record.lake);
                         }));
  target->etag = record.lake->etag;
  target->body = record.body.id;
  target->length = record.length;
  // Readers do the same: the sweeper leaves the body alone while it is being filled.
  const std::shared_ptr<const void> pin = services_.pins.Pin(record.body.id);
  auto work = std::make_shared<Work>();
  work->context = context;
  work->target = target;
  work->brought = std::move(brought);
  std::uint64_t stored = 0;
  for (int look = 0; look < kMaxLooks; ++look) {
    auto whole = co_await FetchGaps(work);
    stored += work->stored;
    if (!whole) {
      if (!MeansChanged(whole.error())) co_return Fail(std::move(whole.error()));
      FB_CO_RETURN_IF_ERROR(
          co_await names_.Refresh(context, attachment, name, target->lake_name, target->etag));
      co_return Fail(Code::kStale, "The blob has changed in the lake.");
    }
    if (*whole) co_return stored;
  }
  co_return Fail(Code::kStale, "What was fetched of the blob does not stay here.");
}

}  // namespace forebay::tier
