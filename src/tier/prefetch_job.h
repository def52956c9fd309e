// A prefetch job as it runs in this process. Internal to tier/prefetcher.cc and prefetch_run.cc.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "meta/lease.h"
#include "tier/prefetcher.h"

namespace forebay::tier {

struct Prefetcher::Job {
  AttachmentPtr attachment;
  std::uint64_t id = 0;
  std::string lease;
  std::stop_source stop;  // by Cancel
  // Of whoever runs it.
  meta::FencingToken token;
  SteadyTime leased_until{};
  meta::PrefetchRecord record;  // as stored
  BroughtBytes brought = std::make_shared<Brought>();
  // Of all of it, counted ahead; 0: not known.
  std::atomic<std::uint64_t> expected_names{0}, expected_bytes{0};
  // Of the page under way.
  std::atomic<std::uint64_t> matched{0}, done{0}, failed{0}, bytes{0};
  std::mutex mutex;
  std::string last_error;      // of a blob
  std::optional<Error> waits;  // why the page is to be tried again
  std::string waits_for;       // the same, for people
};

}  // namespace forebay::tier
