#include "tier/placement_parts.h"

#include "base/uuid.h"

namespace forebay::tier {

PlacementParts::PlacementParts(engine::Services& the_services, const Attachments& the_attachments,
                               LiveNames& names, Fetcher& fetcher, WorkerLoop& the_loop,
                               const PlacementOptions& options, const OffloadOptions& sending,
                               std::chrono::milliseconds retry, bool the_run_jobs)
    : services(the_services),
      attachments(the_attachments),
      loop(the_loop),
      book(fetcher.book()),
      pressure(options.pressure),
      mover(services, attachments, loop, book, pins, sending,
            OverflowOptions{.least_bytes = options.overflow_least_bytes,
                            .settle = options.evict.settle,
                            .by_itself = the_run_jobs}),
      evictor(services, attachments, book, pins, mover, pressure, options.evict),
      bringer(services, names, fetcher, evictor, options.prefetch),
      prefetcher(services, attachments, bringer, loop, options.prefetch, retry, the_run_jobs),
      wishes(services, bringer, loop, retry),
      run_jobs_(the_run_jobs) {
  mover.OnSent([this] { evictor.Wake(); });
}

std::uint64_t PlacementParts::CapacityOf(const EvictOptions& options) {
  if (options.cache_bytes > 0) return options.cache_bytes;
  if (options.disk) {
    if (const auto use = options.disk(); use && use->capacity > 0) return use->capacity;
  }
  return std::uint64_t{1} << 40;  // only a scale
}

Result<> PlacementParts::Start() {
  if (!run_jobs_) return {};
  OpContext context;
  context.cancel = loop.token();
  loop.Spawn(evictor.Run(std::move(context)));
  const auto snapshot = services.store.GetSnapshot();
  FB_RETURN_IF_ERROR(wishes.Resume(*snapshot, attachments));
  return prefetcher.Resume(*snapshot);
}

}  // namespace forebay::tier
