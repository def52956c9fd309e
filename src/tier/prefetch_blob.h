// Brings all of one blob here: gaps between what is resident are claimed of the Fetcher, several at
// a time, and waited for until they are stored.
//
// Thread safe: one object for all jobs and commands, which share its slots and its rate.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "async/task_group.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/evict_options.h"
#include "tier/evictor.h"
#include "tier/fetcher.h"
#include "tier/live_names.h"
#include "tier/schedule.h"

namespace forebay::tier {

// What a job has brought so far, over all of its blobs.
struct Brought {
  std::atomic<std::uint64_t> stored{0};
  std::atomic<std::uint64_t> under_way{0};  // besides
};
using BroughtBytes = std::shared_ptr<Brought>;

// True where Bring failed for a reason that has nothing to do with the one blob: out of reach, a
// full disk. All wait.
bool MustWait(const Error& error);

class BlobBringer {
 public:
  BlobBringer(engine::Services& services, LiveNames& names, Fetcher& fetcher,
              const Evictor& evictor, PrefetchOptions options);

  // How many bytes were stored for it. The record is the one of `name`, of a body that the lake
  // holds. kStale: the record has changed meanwhile, look it up again; kNoSpace: the disk is full;
  // kLimitExceeded: `brought` and this blob are more than is kept; kBlobArchived, the lake's
  // errors.
  Task<std::uint64_t> Bring(OpContext context, AttachmentPtr attachment, std::string name,
                            const meta::BlobRecord& record, BroughtBytes brought);

 private:
  struct Work;
  using WorkPtr = std::shared_ptr<Work>;
  struct Claimed {
    FetchPtr fetch;
    Permit slot;
  };

  // One look at all of the blob: true when nothing was missing.
  Task<bool> FetchGaps(WorkPtr work);
  Task<> FetchGap(WorkPtr work, TaskGroup& group, Span gap);
  Task<Claimed> Claim(WorkPtr work, Span gap, std::uint64_t bytes);
  Task<> Await(WorkPtr work, FetchPtr fetch, Permit slot);
  Task<> Pace(OpContext context, std::uint64_t bytes);

  engine::Services& services_;
  LiveNames& names_;
  Fetcher& fetcher_;
  const Evictor& evictor_;
  const PrefetchOptions options_;
  Semaphore slots_;
  std::mutex mutex_;
  RateBucket bucket_;
};

}  // namespace forebay::tier
