#include "admin/store_metrics.h"

#include "base/log.h"
#include "engine/sweep_backlog.h"

namespace forebay::admin {
namespace {

using metrics::Labels;
using metrics::Samples;

template <class T>
double Number(T value) {
  return static_cast<double>(value);
}

void AddCommits(Samples& out, const kv::CommitStats& commit) {
  out.AddCounter({"forebay_kv_commits_total", "Transactions answered after a group write."}, {},
                 Number(commit.transactions));
  out.AddCounter({"forebay_kv_early_answers_total",
                  "Transactions that only read or failed, answered without waiting for a group."},
                 {}, Number(commit.early_answers));
  out.AddCounter({"forebay_kv_cold_transactions_total",
                  "Transactions whose first run had to wait for the disk."},
                 {}, Number(commit.prefetches));
  out.AddCounter({"forebay_kv_busy_total", "Transactions refused because too many waited."}, {},
                 Number(commit.busy));
  out.AddCounter({"forebay_kv_failed_groups_total", "Group writes that failed."}, {},
                 Number(commit.failed_groups));
  out.AddCounter({"forebay_kv_written_bytes_total", "Keys and values committed."}, {},
                 Number(commit.bytes));
  out.AddGauge(
      {"forebay_kv_queue_transactions", "Transactions that wait for their group, or to be synced."},
      {}, Number(commit.queue_depth));
  out.AddHistogram({"forebay_kv_group_transactions", "Transactions in each group written."}, {},
                   commit.group_transactions);
  out.AddHistogram(
      {"forebay_kv_group_write_seconds",
       "Time to write and sync a group, or to sync what was written before, log sync included."},
      {}, commit.group_writes);
}

void AddRocksDb(Samples& out, const kv::RocksDbStats& stats) {
  out.AddHistogram({"forebay_kv_log_sync_seconds", "Time of each fdatasync of the log."}, {},
                   stats.log_syncs);
  out.AddGauge({"forebay_kv_log_file_bytes", "Log files: what a restart would replay."}, {},
               Number(stats.log_file_bytes));
  out.AddCounter({"forebay_kv_cache_hits_total", "Blocks found in the cache."}, {},
                 Number(stats.cache_hits));
  out.AddCounter({"forebay_kv_cache_misses_total", "Blocks read from files."}, {},
                 Number(stats.cache_misses));
  out.AddGauge({"forebay_kv_cache_bytes", "Memory in the block cache."}, {},
               Number(stats.cache_used_bytes));
  out.AddGauge({"forebay_kv_buffer_bytes", "Memory of records that are not yet in a table."}, {},
               Number(stats.buffer_used_bytes));
  out.AddGauge({"forebay_kv_table_file_bytes", "Tables: records and small values."}, {},
               Number(stats.table_file_bytes));
  out.AddGauge({"forebay_kv_blob_file_bytes", "Files of small blob bodies."}, {},
               Number(stats.blob_file_bytes));
  out.AddGauge({"forebay_kv_pending_compaction_bytes", "What compactions still have to rewrite."},
               {}, Number(stats.pending_compaction_bytes));
  out.AddGauge({"forebay_kv_running_compactions", "Compactions under way."}, {},
               Number(stats.running_compactions));
  out.AddGauge({"forebay_kv_running_flushes", "Flushes of buffers under way."}, {},
               Number(stats.running_flushes));
  out.AddCounter({"forebay_kv_flushed_bytes_total", "Bytes written by flushes."}, {},
                 Number(stats.flushed_bytes));
  out.AddCounter({"forebay_kv_compacted_bytes_total", "Bytes written by compactions."}, {},
                 Number(stats.compacted_bytes));
  out.AddCounter({"forebay_kv_stall_seconds_total",
                  "Time that writes were held back until flushes and compactions caught up."},
                 {}, Number(stats.stall_us) / 1e6);
  out.AddGauge({"forebay_kv_stopped", "1 while writes are held back altogether."}, {},
               stats.stopped ? 1 : 0);
}

void AddVolume(Samples& out, const chunk::VolumeStatus& volume) {
  const Labels labels{{"volume", volume.uuid}, {"path", volume.path}};
  for (auto state :
       {chunk::VolumeState::kActive, chunk::VolumeState::kDraining, chunk::VolumeState::kFailed,
        chunk::VolumeState::kMissing, chunk::VolumeState::kLost}) {
    Labels with_state = labels;
    with_state["state"] = chunk::VolumeStateName(state);
    out.AddGauge({"forebay_volume_state", "1 for the state that the data directory is in."},
                 with_state, volume.state == state ? 1 : 0);
  }
  out.AddGauge({"forebay_volume_size_bytes", "Size of the data directory's file system."}, labels,
               Number(volume.total_bytes));
  out.AddGauge({"forebay_volume_available_bytes", "Room in the data directory's file system."},
               labels, Number(volume.available_bytes));
  out.AddGauge({"forebay_volume_live_bytes", "Bytes of chunks that something names."}, labels,
               Number(volume.live_bytes));
  const std::uint64_t dead =
      volume.segment_bytes > volume.live_bytes ? volume.segment_bytes - volume.live_bytes : 0;
  out.AddGauge({"forebay_volume_dead_bytes",
                "Bytes of segments that nothing names, most of them holes already."},
               labels, Number(dead));
  out.AddGauge({"forebay_volume_segments", "Segment files."}, labels, Number(volume.segments));
}

void AddChunkCounters(Samples& out, const chunk::Stats& stats) {
  out.AddCounter({"forebay_chunk_written_total", "Chunks written to segments."}, {},
                 Number(stats.chunks_written));
  out.AddCounter({"forebay_chunk_written_bytes_total", "Bytes written to segments."}, {},
                 Number(stats.bytes_written));
  out.AddCounter({"forebay_chunk_syncs_total", "fdatasync calls on segments."}, {},
                 Number(stats.syncs));
  out.AddCounter({"forebay_chunk_sync_requests_total",
                  "Segments that a sync was asked for; above the syncs, they were shared."},
                 {}, Number(stats.sync_requests));
  out.AddCounter({"forebay_chunk_punched_bytes_total", "Bytes of deleted chunks given back."}, {},
                 Number(stats.bytes_punched));
  out.AddCounter({"forebay_chunk_removed_segments_total", "Segment files removed."}, {},
                 Number(stats.segments_removed));
  out.AddCounter({"forebay_chunk_evacuated_total",
                  "Chunks moved out of sparse segments and drained data directories."},
                 {}, Number(stats.chunks_moved));
  out.AddCounter({"forebay_chunk_evacuated_bytes_total", "Bytes of those."}, {},
                 Number(stats.bytes_moved));
  out.AddCounter({"forebay_chunk_verified_blocks_total", "Blocks of 64 KiB whose checksum fitted."},
                 {}, Number(stats.blocks_verified));
  out.AddCounter({"forebay_chunk_corrupt_reads_total", "Reads that failed their checksum."}, {},
                 Number(stats.corrupt_reads));
}

void AddSweeps(Samples& out, const engine::SweepTotals& totals) {
  out.AddCounter({"forebay_sweeper_passes_total", "Passes over what is to be given back."}, {},
                 Number(totals.passes));
  out.AddCounter(
      {"forebay_sweeper_failed_passes_total", "Passes that an error ended; see the log."}, {},
      Number(totals.failed_passes));
  out.AddGauge({"forebay_sweeper_skipped_records",
                "Records that the last pass could not read, whose space stays taken."},
               {}, Number(totals.last_skipped));
  out.AddCounter({"forebay_sweeper_swept_bodies_total", "Bodies and staged blocks given back."}, {},
                 Number(totals.swept.bodies));
  out.AddCounter({"forebay_sweeper_swept_blobs_total",
                  "Blobs removed with their container or directory, or because they expired."},
                 {}, Number(totals.swept.blobs));
}

// A scrape goes on without what could not be read.
template <class T>
bool Readable(const Result<T>& result, std::string_view what) {
  if (!result) {
    Log(LogLevel::kWarn, "metrics are incomplete",
        {{"part", what}, {"error", result.error().ToString()}});
  }
  return result.has_value();
}

}  // namespace

Registry::CallbackHandle CollectKv(Registry& registry, const kv::RocksDbStore& store) {
  return registry.AddCollector([&store](Samples& out) {
    const kv::RocksDbStats stats = store.stats();
    AddCommits(out, stats.commit);
    AddRocksDb(out, stats);
  });
}

Registry::CallbackHandle CollectChunks(Registry& registry, const chunk::SegmentChunkStore& chunks) {
  return registry.AddCollector([&chunks](Samples& out) {
    AddChunkCounters(out, chunks.stats());
    if (auto volumes = chunks.Volumes(); Readable(volumes, "volumes")) {
      for (const chunk::VolumeStatus& volume : *volumes) AddVolume(out, volume);
    }
    if (auto queue = chunks.Freeing(); Readable(queue, "free queue")) {
      out.AddGauge(
          {"forebay_chunk_free_queue", "Deleted chunks whose space is not given back yet."}, {},
          Number(queue->chunks));
      out.AddGauge({"forebay_chunk_free_queue_bytes", "Bytes of those."}, {}, Number(queue->bytes));
    }
  });
}

Registry::CallbackHandle CollectScrub(Registry& registry, const chunk::Scrubber& scrubber) {
  return registry.AddCollector([&scrubber](Samples& out) {
    const chunk::ScrubCounters counters = scrubber.counters();
    const chunk::ScrubState state = scrubber.state();
    out.AddCounter({"forebay_scrub_completed_total", "Scrubs completed."}, {},
                   Number(counters.completed));
    out.AddCounter({"forebay_scrub_chunks_total", "Chunks read by scrubs."}, {},
                   Number(counters.chunks));
    out.AddCounter({"forebay_scrub_bytes_total", "Bytes read by scrubs."}, {},
                   Number(counters.bytes));
    out.AddCounter({"forebay_scrub_damaged_total", "What scrubs found damaged."}, {},
                   Number(counters.damaged));
    out.AddGauge({"forebay_scrub_running", "1 while a scrub runs."}, {}, state.running ? 1 : 0);
    out.AddGauge(
        {"forebay_scrub_last_damaged", "What the running or the last scrub has found damaged."}, {},
        Number(state.damaged));
    out.AddGauge({"forebay_scrub_last_completed_timestamp_seconds",
                  "When the last scrub was completed; 0 for never."},
                 {}, Number(state.finished.seconds()));
  });
}

Registry::CallbackHandle CollectSweeper(Registry& registry, const kv::Store& store,
                                        const engine::Sweeper& sweeper) {
  return registry.AddCollector([&store, &sweeper](Samples& out) {
    AddSweeps(out, sweeper.totals());
    auto backlog = engine::CountSweepBacklog(store);
    if (!Readable(backlog, "sweeper")) return;
    out.AddGauge({"forebay_sweeper_bodies",
                  "Bodies and staged blocks that nothing names, still to be given back."},
                 {}, Number(backlog->bodies));
    out.AddGauge({"forebay_sweeper_containers", "Deleted containers that still hold blobs."}, {},
                 Number(backlog->containers));
    out.AddGauge({"forebay_uncommitted_blobs", "Names with blocks that are not committed."}, {},
                 Number(backlog->uncommitted_blobs));
  });
}

Registry::CallbackHandle CollectCopies(Registry& registry, const rest::CopyJobs& copies) {
  return registry.AddCollector([&copies](Samples& out) {
    const rest::CopyJobStats stats = copies.stats();
    out.AddGauge({"forebay_copies_pending", "Copies from elsewhere that run or wait."}, {},
                 Number(stats.pending));
    out.AddCounter({"forebay_copies_completed_total", "Copies from elsewhere that succeeded."}, {},
                   Number(stats.completed));
    out.AddCounter({"forebay_copies_failed_total", "Copies from elsewhere that failed."}, {},
                   Number(stats.failed));
  });
}

Registry::CallbackHandle CollectHttp(Registry& registry, const http::Server& server) {
  return registry.AddCollector([&server](Samples& out) {
    const http::Server::Stats stats = server.stats();
    out.AddGauge({"forebay_connections", "Open client connections."}, {},
                 Number(stats.connections_open));
    out.AddCounter({"forebay_connections_total", "Client connections accepted."}, {},
                   Number(stats.connections_total));
    out.AddCounter({"forebay_connections_refused_total", "Connections above the limit."}, {},
                   Number(stats.connections_refused));
    out.AddCounter(
        {"forebay_connection_timeouts_total", "Connections ended for being idle or too slow."}, {},
        Number(stats.timeouts));
    out.AddCounter({"forebay_received_bytes_total", "Bytes received from clients, heads included."},
                   {}, Number(stats.bytes_received));
    out.AddCounter({"forebay_sent_bytes_total", "Bytes sent to clients, heads included."}, {},
                   Number(stats.bytes_sent));
  });
}

}  // namespace forebay::admin
