// What the parts of SegmentChunkStore share: the tables of volumes and segments, pins, the queue of
// dropped chunks, counters.
//
// Held by shared_ptr, so that read pins and staged chunks may be dropped after the store is gone;
// the key-value store and the file system are used only while the SegmentChunkStore lives. Thread
// safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "chunk/options.h"
#include "chunk/pin_table.h"
#include "chunk/segment.h"
#include "chunk/volume.h"
#include "io/file_system.h"
#include "kv/store.h"

namespace forebay::chunk {

// The segments there are, by id.
class SegmentTable {
 public:
  SegmentPtr Find(SegmentId id) const;  // null: no such segment (any more)
  void Insert(SegmentPtr segment);
  void Erase(SegmentId id);
  std::vector<SegmentPtr> All() const;  // by id

 private:
  mutable std::shared_mutex mutex_;
  std::map<SegmentId, SegmentPtr> segments_;
};

// Keeps the files opened last open.
class FileCache {
 public:
  explicit FileCache(std::size_t capacity) : capacity_(capacity) {}
  // Blocks where the file is not open. Errors as Segment::OpenFile.
  Result<SegmentFilePtr> Open(Segment& segment);
  void Forget(SegmentId id);

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::list<std::pair<SegmentId, SegmentFilePtr>> recent_;  // newest first
  std::unordered_map<SegmentId, decltype(recent_)::iterator> by_id_;
};

// Space that was written and that nothing will name; maintenance frees it.
struct DroppedRange {
  SegmentPtr segment;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};

struct Counters {
  std::atomic<std::uint64_t> chunks_written{0}, bytes_written{0}, syncs{0}, sync_requests{0},
      bytes_punched{0}, segments_removed{0}, chunks_moved{0}, bytes_moved{0}, blocks_verified{0},
      corrupt_reads{0};
};

struct Core {
  Core(kv::Store& store, io::FileSystem& file_system, Options opts)
      : kv(store), fs(file_system), options(std::move(opts)), files(options.open_files) {}

  kv::Store& kv;
  io::FileSystem& fs;
  const Options options;
  std::uint64_t session = 0;
  std::atomic<std::uint64_t> next_sequence{1};

  SegmentTable segments;
  FileCache files;
  PinTable pins;
  Counters counters;

  // Volumes by number. Fixed after Open, but for RemoveVolume.
  VolumePtr FindVolume(std::string_view uuid) const;
  VolumePtr FindVolume(VolumeNumber number) const;
  std::vector<VolumePtr> Volumes() const;
  void AddVolume(VolumePtr volume);
  void EraseVolume(VolumeNumber number);

  // A sync on `volume` failed: nobody knows what it holds. Ends the process where it is the only
  // one.
  void OnSyncFailed(Volume& volume, const Error& error);

  void Drop(DroppedRange range);
  std::vector<DroppedRange> TakeDropped();
  // Tells maintenance that there is something to do.
  void Wake();
  // Until woken, stopped or the time has passed.
  void WaitForWork(std::chrono::milliseconds at_most);
  // Until stopped or the time has passed.
  void Pause(std::chrono::milliseconds time);
  // Long work ends at its next step while this is set; WaitForWork and Pause return at once.
  void SetStopping(bool stopping);
  bool stopping() const { return stopping_.load(); }

  // While held, nothing is punched and no segment removed.
  std::mutex reclaim_mutex;
  std::uint64_t backup_pins = 0;  // under reclaim_mutex

 private:
  mutable std::mutex mutex_;
  std::map<VolumeNumber, VolumePtr> volumes_;
  std::mutex work_mutex_;
  std::condition_variable work_;
  bool work_waits_ = false;
  std::atomic<bool> stopping_{false};
  std::vector<DroppedRange> dropped_;
};
using CorePtr = std::shared_ptr<Core>;

}  // namespace forebay::chunk
