#include "cli/placement_options.h"

#include <algorithm>

#include "tier/schedule.h"

namespace forebay::cli {
namespace {

// Shares are of what may be written at all: a reserve that is larger than what the high watermark
// leaves would stop writes before anything was given up. Volumes that take no writes do not count.
Result<tier::DiskUse> DiskUseOf(const chunk::SegmentChunkStore& chunks, std::uint64_t reserve) {
  tier::DiskUse use;
  FB_ASSIGN_OR_RETURN(const auto volumes, chunks.Volumes());
  for (const chunk::VolumeStatus& volume : volumes) {
    if (volume.state != chunk::VolumeState::kActive) continue;
    use.capacity += volume.total_bytes - std::min(volume.total_bytes, reserve);
    use.used += volume.total_bytes - std::min(volume.total_bytes, volume.available_bytes);
  }
  // Given up already; the holes come when nobody reads there any more.
  FB_ASSIGN_OR_RETURN(const chunk::FreeQueue freeing, chunks.Freeing());
  use.used -= std::min(use.used, freeing.bytes);
  return use;
}

}  // namespace

Result<tier::PlacementOptions> PlacementOptionsOf(const config::Config& config,
                                                  const chunk::SegmentChunkStore& chunks) {
  if (config.lake_low_watermark > config.lake_high_watermark) {
    return Fail(Code::kInvalidConfig,
                "lake.low_watermark is above lake.high_watermark; eviction would never end.");
  }
  auto rate = tier::Schedule::Parse(config.lake_prefetch_rate);
  if (!rate) {
    return Fail(Code::kInvalidConfig, "lake.prefetch_rate: " + rate.error().message());
  }
  tier::PlacementOptions options;
  options.evict.high_percent = static_cast<unsigned>(config.lake_high_watermark);
  options.evict.low_percent = static_cast<unsigned>(config.lake_low_watermark);
  options.evict.cache_bytes = config.lake_cache_size;
  options.evict.disk = [&chunks, reserve = config.disk_reserve] {
    return DiskUseOf(chunks, reserve);
  };
  // Halfway between where eviction begins and where everybody's writes end.
  options.pressure.percent = (options.evict.high_percent + 100) / 2;
  options.pressure.container_limit = config.lake_backlog_limit;
  options.overflow_least_bytes = config.lake_overflow_min_size;
  options.prefetch.fetches = config.lake_prefetch_concurrency;
  options.prefetch.rate = std::move(*rate);
  return options;
}

}  // namespace forebay::cli
