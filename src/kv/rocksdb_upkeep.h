// What a store does about its files beside writing: it moves buffers with many deletions into
// tables, and collects the garbage in blob files, within the room that there is.
//
// RocksDB moves whatever lies in the oldest blob files when their tables are merged, garbage or
// not, so the share that it may move is zero while there is little garbage. Otherwise it is as many
// of the oldest files as fit into the room (PlanMoves): what they still hold is written anew before
// they go. Where room is scarce, deletes and the log are flushed soon, and tables are merged for
// the garbage alone, again and again while that gives room back: then what is deleted becomes room
// although no further write comes by to cause it.
//
// Threads of its own, because RocksDB waits for its write queue when options change and for flushes
// when it merges: one for rounds, whose merges take their time, and one for flushes that somebody
// waits for. `Note` is called by the writer; it starts flushes and waits for none.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kv/change_set.h"
#include "kv/rocksdb_room.h"

namespace forebay::kv {

// The oldest blob files whose live bytes are at most `movable_bytes`, but at most `max_share` of
// all.
struct MovePlan {
  std::size_t files = 0;
  std::size_t of = 0;
  std::uint64_t live_bytes = 0;  // in `files`, to be written anew
  // As RocksDB wants it: rounded down to files, it is `files`.
  double Share() const;
};
MovePlan PlanMoves(std::vector<rocksdb::BlobMetaData> blobs, std::uint64_t movable_bytes,
                   double max_share);

class Upkeep {
 public:
  struct Options {
    std::chrono::milliseconds interval;
    std::function<bool()> on_low_space;  // see RocksDbOptions
  };
  // One handle for the engine's records, then one a Space. All must outlive this.
  Upkeep(rocksdb::DB& db, std::vector<rocksdb::ColumnFamilyHandle*> families, Room& room,
         Options options);
  ~Upkeep();  // ends what it has RocksDB do, and answers who waits

  // A group of `bytes` was written, with so many deletions in each space.
  void Note(const std::array<std::uint64_t, kSpaces>& deletions, std::uint64_t bytes);
  // kv/buffers.h.
  bool flushing() const;
  void FlushSoon(std::move_only_function<void()> done);
  // The share of blob files that merges may rewrite, the oldest first.
  double moved_share() const { return moved_share_.load(std::memory_order_relaxed); }

 private:
  void RoundLoop();
  void FlushLoop();
  void AwaitFlushed();
  void Round();
  void Flush(std::uint64_t deletions_when_scarce);
  void FlushAll();
  void Start(const std::vector<rocksdb::ColumnFamilyHandle*>& due);
  void Collect(std::uint64_t free_bytes);
  std::uint64_t Number(const std::string& property) const;  // of inline values
  void SetShare(const MovePlan& plan, bool wanted);
  void Merge(const MovePlan& plan);

  rocksdb::DB& db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
  Room& room_;
  const Options options_;
  std::array<std::atomic<std::uint64_t>, kSpaces> deletions_ = {};  // since they were flushed
  std::atomic<std::uint64_t> written_{0};  // bytes since everything was flushed
  std::atomic<double> moved_share_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;                                 // guarded by mutex_
  std::vector<std::move_only_function<void()>> waiting_;  // for a flush; guarded by mutex_
  bool was_scarce_ = false;                               // of rounds alone, and so is the next
  bool collecting_ = false;
  std::thread rounds_;
  std::thread flusher_;
};

}  // namespace forebay::kv
