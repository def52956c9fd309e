#include "tier/placement_metrics.h"

#include <string>

namespace forebay::tier {
namespace {

double Number(std::uint64_t value) { return static_cast<double>(value); }

void AddCache(metrics::Samples& out, const CacheStatus& status) {
  for (const Watermark state : {Watermark::kBelow, Watermark::kEvicting, Watermark::kStuck}) {
    out.AddGauge({"forebay_cache_watermark",
                  "1 for how the disks stand: below the watermarks, evicting, or stuck above them "
                  "with what is pinned or not yet in a lake."},
                 {{"state", std::string(WatermarkName(state))}}, status.watermark == state ? 1 : 0);
  }
  out.AddGauge({"forebay_cache_resident_bytes", "Bytes here of blobs that a lake holds."}, {},
               Number(status.resident_bytes));
  out.AddGauge({"forebay_cache_pinned_bytes",
                "Of them, what eviction has found to be pinned; it finds out when they are in its "
                "way."},
               {}, Number(status.pinned_bytes));
  out.AddGauge({"forebay_cache_pieces", "Pieces of up to 4 MiB that eviction knows."}, {},
               Number(status.pieces));
  out.AddGauge({"forebay_cache_policy_memory_bytes", "Memory of what it knows about them."}, {},
               Number(status.memory_bytes));
  out.AddGauge(
      {"forebay_cache_restored", "1 once all that was resident when the server started is known."},
      {}, status.restored ? 1 : 0);
  out.AddCounter({"forebay_cache_reads_total",
                  "Reads of blobs that a lake holds: hits, of which all bytes were here, and "
                  "misses."},
                 {{"result", "hit"}}, Number(status.hits));
  out.AddCounter({"forebay_cache_reads_total",
                  "Reads of blobs that a lake holds: hits, of which all bytes were here, and "
                  "misses."},
                 {{"result", "miss"}}, Number(status.misses));
  out.AddCounter({"forebay_cache_read_bytes_total",
                  "Bytes of those reads, from here and from a "
                  "lake."},
                 {{"result", "hit"}}, Number(status.hit_bytes));
  out.AddCounter({"forebay_cache_read_bytes_total",
                  "Bytes of those reads, from here and from a "
                  "lake."},
                 {{"result", "miss"}}, Number(status.miss_bytes));
}

void AddBacklog(metrics::Samples& out, const CacheStatus& status) {
  out.AddGauge({"forebay_lake_unsent_bytes",
                "Bytes written here that wait for their lakes; nothing of them is given up."},
               {}, Number(status.unsent_bytes));
  out.AddGauge({"forebay_lake_writes_held",
                "1 while such bytes fill the disks and writes to containers of lakes are refused."},
               {}, status.writes_held ? 1 : 0);
  out.AddCounter({"forebay_lake_writes_refused_total",
                  "Writes that were refused (503) for that, or for lake.backlog_limit."},
                 {}, Number(status.writes_refused));
}

void AddEviction(metrics::Samples& out, const CacheStatus& status) {
  out.AddCounter({"forebay_evicted_bytes_total", "Bytes given up because the lake has them too."},
                 {}, Number(status.evicted_bytes));
  out.AddCounter({"forebay_evicted_pieces_total", "Pieces of those."}, {},
                 Number(status.evicted_pieces));
  out.AddCounter({"forebay_eviction_refused_total",
                  "Pieces that were chosen, but are pinned, or not known to be in the lake."},
                 {}, Number(status.refused_pieces));
  out.AddCounter({"forebay_eviction_adopted_blobs_total",
                  "Local blobs that have travelled and became the lake's, bytes and all."},
                 {}, Number(status.adopted_blobs));
  out.AddCounter({"forebay_eviction_failures_total", "Passes of eviction that an error ended."}, {},
                 Number(status.failures));
}

}  // namespace

metrics::Registry::CallbackHandle CollectPlacement(metrics::Registry& registry,
                                                   const Placement& placement) {
  return registry.AddCollector([&placement](metrics::Samples& out) {
    const CacheStatus status = placement.Cache();
    AddCache(out, status);
    AddBacklog(out, status);
    AddEviction(out, status);
  });
}

}  // namespace forebay::tier
