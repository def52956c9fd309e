// What carries out decisions about where bytes are, put together: eviction, pins, prefetch.
//
// Owned by the tier; started after its attachments are loaded, and still once the worker loop has
// stopped.
#pragma once

#include <chrono>

#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/back_pressure.h"
#include "tier/evict_options.h"
#include "tier/evictor.h"
#include "tier/fetcher.h"
#include "tier/hydrate_wishes.h"
#include "tier/live_names.h"
#include "tier/overflow_mover.h"
#include "tier/pins.h"
#include "tier/prefetch_blob.h"
#include "tier/prefetcher.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

class PlacementParts {
 public:
  // `sending`, which outlives it: how bodies that overflow go up. `retry`: between tries of a job
  // that waits. With `run_jobs` false eviction and jobs only run when they are called.
  PlacementParts(engine::Services& services, const Attachments& attachments, LiveNames& names,
                 Fetcher& fetcher, WorkerLoop& loop, const PlacementOptions& options,
                 const OffloadOptions& sending, std::chrono::milliseconds retry, bool run_jobs);

  // For the book, which comes before: fetches write into it. May block.
  static std::uint64_t CapacityOf(const EvictOptions& options);

  // Begins eviction and the jobs that are unfinished. Blocks: it reads the store.
  Result<> Start();

  engine::Services& services;
  const Attachments& attachments;
  WorkerLoop& loop;
  EvictionBook& book;
  PinCache pins;
  BackPressure pressure;
  OverflowMover mover;
  Evictor evictor;
  BlobBringer bringer;
  Prefetcher prefetcher;
  HydrateWishes wishes;

 private:
  const bool run_jobs_;
};

}  // namespace forebay::tier
