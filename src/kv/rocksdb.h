// RocksDbStore: the embedded engine. One database, a column family for each Space (large inline
// values go to blob files), group commit by Committer, one synced log write a group.
//
// Thread safe. Snapshots and iterators must be gone before the store is destroyed.
//
// What an answer means: success of a kSync transaction means that the log record which holds it was
// synced (or a later one was); an error means that it is not there, and will not be after a
// restart. To keep the second half true, a failed sync of the log, the manifest or the folder calls
// `on_sync_failure`, which ends the process: nobody can know what was written.
//
// A full disk: transactions fail with kNoSpace before they touch the log once less than
// `min_free_bytes` is left, those that make room (Transaction::MakesRoom) at half of it; reads go
// on, and writing resumes by itself when there is room. What is deleted becomes room without
// further writes. rocksdb_room.h has all lines. What is in buffers (`buffered_bytes`) has yet to
// find its place: whoever lets others grow keeps that much free above the line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/file_system.h"
#include "kv/buffers.h"
#include "kv/committer.h"
#include "kv/store.h"
#include "metrics/histogram.h"

namespace forebay::kv {

struct RocksDbOptions {
  std::string path;                            // a folder of its own; made when missing
  std::size_t cache_bytes = 64 << 20;          // blocks, indexes, filters and inline values
  std::size_t meta_buffer_bytes = 32 << 20;    // records not yet in a table
  std::size_t inline_buffer_bytes = 32 << 20;  // inline values not yet in a file
  std::size_t max_log_bytes = 96 << 20;        // bounds what a restart replays
  std::uint64_t min_free_bytes = 64 << 20;     // for what makes room; 0: no line at all
  // Called when less is left, by threads of the store: true when it has made room.
  std::function<bool()> on_low_space = {};
  std::size_t prefetch_threads = 2;
  // Between two looks at garbage and at what scarce room asks for.
  std::chrono::milliseconds upkeep_interval{2000};
  // Accepts a log whose unsynced tail cannot be told from damage, dropping what follows. For an
  // operator who read the error and has a reason; see docs/formats/kv.md.
  bool salvage_log = false;
  // nullptr: the machine's. For tests. Must outlive the store.
  io::FileSystem* file_system = nullptr;
  // nullptr: Panic. Called with the file's name and the error.
  std::function<void(std::string_view)> on_sync_failure;
};

struct RocksDbStats {
  CommitStats commit;
  std::uint64_t cache_hits = 0;
  std::uint64_t cache_misses = 0;
  std::uint64_t cache_used_bytes = 0;
  std::uint64_t buffer_used_bytes = 0;  // memtables
  std::uint64_t table_file_bytes = 0;
  std::uint64_t blob_file_bytes = 0;
  std::uint64_t blob_garbage_bytes = 0;
  double moved_share = 0;  // of the blob files, that merges of tables rewrite
  std::uint64_t log_file_bytes = 0;
  std::uint64_t pending_compaction_bytes = 0;
  std::uint64_t running_compactions = 0;
  std::uint64_t running_flushes = 0;
  std::uint64_t flushed_bytes = 0;    // from buffers into files
  std::uint64_t compacted_bytes = 0;  // written by compactions
  std::uint64_t stall_us = 0;         // that writes were held back by RocksDB
  bool stopped = false;               // writes are held back altogether now
  metrics::HistogramData log_syncs;   // seconds
};

class RocksDbStore final : public Store, public Buffers {
 public:
  // kLocked when another process has it, kCorruption, kUnsupported when a newer Forebay wrote it,
  // kIo.
  static Result<std::unique_ptr<RocksDbStore>> Open(RocksDbOptions options);
  // Answers what was submitted, then closes.
  ~RocksDbStore() override;

  std::unique_ptr<Reader> GetSnapshot(ReadMode mode = ReadMode::kMayBlock) const override;
  void TransactAsync(TransactionFn fn, Durability durability,
                     std::move_only_function<void(Result<>)> done) override;
  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn) override;
  // `dir` must not exist; its parent must.
  Result<> Checkpoint(const std::string& dir) override;
  // Reads every table and blob file.
  Result<> VerifyChecksums() override;

  RocksDbStats stats() const;

  std::uint64_t buffered_bytes() const override;
  std::uint64_t log_bytes() const override;
  bool flushing() const override;
  void Flush(std::move_only_function<void()> done) override;

  // Moves buffers into tables and merges all tables. For tests and tools; slow.
  Result<> Compact();

 private:
  class Db;
  RocksDbStore(std::unique_ptr<Db> db, Committer::Options options);

  std::unique_ptr<Db> db_;
  std::unique_ptr<Committer> committer_;  // gone before db_
};

}  // namespace forebay::kv
