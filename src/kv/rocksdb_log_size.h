// How much the files of a store's log take on its disk, counted as they are written and removed: on
// a full disk it is asked for with every request, on event loops.
//
// Thread safe. RocksDB's types: included by the rocksdb*.cc files only.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::kv {

class LogSize {
 public:
  // Of the store in `dir`. A backup's copy of a log lies elsewhere, and is none of it.
  explicit LogSize(std::string dir);

  std::uint64_t bytes() const { return total_.load(std::memory_order_relaxed); }
  // Counts what lies there (no folder: nothing), before the store is opened.
  Result<> Find(rocksdb::FileSystem& fs);

  bool Covers(std::string_view path) const;
  void Grew(const std::string& path, std::uint64_t bytes);
  void Gone(const std::string& path);

 private:
  const std::string dir_;
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> files_;  // by name; guarded by mutex_
  std::atomic<std::uint64_t> total_{0};
};

// Passes everything on to `base`, and tells `size` of the log's files.
std::shared_ptr<rocksdb::FileSystem> MakeLogMeter(std::shared_ptr<rocksdb::FileSystem> base,
                                                  std::shared_ptr<LogSize> size);

}  // namespace forebay::kv
