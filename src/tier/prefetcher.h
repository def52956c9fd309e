// Prefetch jobs: what matches a pattern is fetched whole, many blobs at a time.
//
// A job is a record (meta::PrefetchRecord) with a position; a page of names is dealt with, then the
// position moves, so after a restart it goes on where it was and finds what it had fetched here. A
// lease keeps other processes on the same store from doing it too. Ranges come through the same
// Fetcher as those of readers, so nothing is fetched twice whoever asks; the cause in the lake's
// accounting is `prefetch`. What is fetched is kept in place of what is worth least
// (EvictionBook::Keep).
//
// While the lake is out of reach or the disk is full a job waits and tries its page again. Thread
// safe. Jobs run on the worker loop, and outlive who began them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "engine/services.h"
#include "meta/placement_records.h"
#include "tier/attachments.h"
#include "tier/evict_options.h"
#include "tier/glob.h"
#include "tier/placement.h"
#include "tier/prefetch_blob.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

class Prefetcher {
 public:
  // `retry`: between tries of a job that waits. With `run_jobs` false jobs are only run by RunHere.
  Prefetcher(engine::Services& services, const Attachments& attachments, BlobBringer& bringer,
             WorkerLoop& loop, const PrefetchOptions& options, std::chrono::milliseconds retry,
             bool run_jobs);
  ~Prefetcher();

  // Begins what is unfinished. Blocks: it reads the store.
  Result<> Resume(const kv::Reader& reader);
  // The job's id.
  Task<std::uint64_t> Begin(OpContext context, AttachmentPtr attachment, std::string pattern);
  Task<std::vector<PrefetchStatus>> List(AttachmentPtr attachment);
  // kResourceNotFound.
  Task<> Cancel(AttachmentPtr attachment, std::uint64_t id);

  // A job here and now, until it is finished or has to wait (its error). For tests.
  Task<> RunHere(OpContext context, AttachmentPtr attachment, std::uint64_t id);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;
  using Found = std::vector<std::pair<std::string, meta::BlobRecord>>;

  JobPtr MakeJob(AttachmentPtr attachment, std::uint64_t id) const;
  void Start(AttachmentPtr attachment, std::uint64_t id);
  Task<> Drive(JobPtr job);
  Task<> Work(OpContext context, JobPtr job);
  Task<> Lease(JobPtr job);
  Task<> Load(JobPtr job);
  Task<> Store(JobPtr job, meta::PrefetchRecord record);
  Task<> EndFull(JobPtr job);
  Task<> KeepLease(JobPtr job, std::stop_token until);
  Task<> DoPages(OpContext context, JobPtr job, Glob glob);
  Task<> DoPage(OpContext context, JobPtr job, Found names);
  // What matches from where `begun` stands, and what it has done before: so that people see how far
  // it is. Of records only, so nobody is asked; while names come in there is nothing to say.
  Task<> CountAhead(OpContext context, JobPtr job, Glob glob, meta::PrefetchRecord begun);
  Task<> BringOne(OpContext context, JobPtr job, std::string name, meta::BlobRecord record,
                  Permit permit);
  PrefetchStatus StatusOf(const AttachmentPtr& attachment, meta::PrefetchRecord record) const;

  engine::Services& services_;
  const Attachments& attachments_;
  BlobBringer& bringer_;
  WorkerLoop& loop_;
  const std::size_t blobs_;
  const std::chrono::milliseconds retry_;
  const bool run_jobs_;
  const std::uint64_t owner_;

  mutable std::mutex mutex_;
  std::map<std::pair<meta::ContainerId, std::uint64_t>, JobPtr> jobs_;  // under way here
};

}  // namespace forebay::tier
