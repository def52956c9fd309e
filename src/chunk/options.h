// Options and reports of SegmentChunkStore (segment_chunk_store.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chunk/records.h"

namespace forebay::chunk {

struct Options {
  std::uint64_t segment_bytes = std::uint64_t{1} << 30;
  // A volume with less than this available takes no chunks, so that deletes can still commit.
  std::uint64_t reserve_bytes = std::uint64_t{512} << 20;
  std::size_t max_in_flight_bytes = std::size_t{256} << 20;
  std::size_t write_threads = 8;
  std::size_t sync_threads = 8;
  std::size_t active_segments = 4;   // a volume
  std::size_t open_files = 1024;     // segments kept open besides those in use
  double evacuate_dead_share = 0.5;  // of a sealed segment; above 1: never
  std::chrono::milliseconds maintenance_interval{1'000};
  // Start although a registered volume is not among the directories; its chunks answer
  // kVolumeFailed.
  bool allow_missing_volumes = false;
  // Called when a sync failed and there is no other volume to go on with. Empty: Panic.
  std::function<void(std::string_view)> on_fatal;
};

// Since the process started; for metrics.
struct Stats {
  std::uint64_t chunks_written = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;          // calls of fdatasync for Sync
  std::uint64_t sync_requests = 0;  // segments that Sync was asked for
  std::uint64_t bytes_punched = 0;
  std::uint64_t segments_removed = 0;
  std::uint64_t chunks_moved = 0;
  std::uint64_t bytes_moved = 0;
  std::uint64_t blocks_verified = 0;
  std::uint64_t corrupt_reads = 0;
};

enum class VolumeState : std::uint8_t { kActive, kDraining, kFailed, kMissing, kLost };
std::string_view VolumeStateName(VolumeState state);

struct VolumeStatus {
  std::string uuid;
  std::string path;
  VolumeState state = VolumeState::kActive;
  std::string failure;  // why, where it failed
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t live_bytes = 0;     // of chunks, aligned
  std::uint64_t segment_bytes = 0;  // of segments, with what is no longer live in them
  std::uint64_t segments = 0;
};

// What nothing names any more and maintenance has not given back yet.
struct FreeQueue {
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  // aligned
};

struct SegmentInfo {
  SegmentId id;
  std::string volume_uuid;
  std::string path;
  std::uint64_t size = 0;
  bool sealed = false;
};

}  // namespace forebay::chunk
