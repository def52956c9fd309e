// What the rocksdb*.cc files share. RocksDB's types stay behind these files: nothing else includes
// this.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/file_system.h>
#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "kv/rocksdb.h"
#include "metrics/histogram.h"

namespace forebay::kv {

// kWouldBlock for a cache-only miss; kNoSpace, kLocked, kCorruption, kBusy, kUnsupported, else kIo.
Error ToError(const rocksdb::Status& status);
inline Result<> ToResult(const rocksdb::Status& status) {
  if (status.ok()) return {};
  return Fail(ToError(status));
}

// All but how to recover, which depends on the state of the log.
rocksdb::DBOptions MakeDbOptions(const RocksDbOptions& options, rocksdb::Env* env);
// One descriptor each, in this order: engine records ("default"), kMeta, kInline.
std::vector<rocksdb::ColumnFamilyDescriptor> MakeColumnFamilies(
    const RocksDbOptions& options, const std::shared_ptr<rocksdb::Cache>& cache);

using SyncFailureFn = std::function<void(std::string_view)>;

// Passes everything on to `base`, and calls `on_failure` when a sync fails whose outcome decides
// what the store has acknowledged: log, manifest, CURRENT, folders. Data files that ran out of
// space are left to RocksDB, which writes them anew. And syncs a log before the next one is made.
// `log_syncs` gets the seconds that each sync of a log took.
std::shared_ptr<rocksdb::FileSystem> MakeSyncGuard(
    std::shared_ptr<rocksdb::FileSystem> base, SyncFailureFn on_failure,
    std::shared_ptr<metrics::LocalHistogram> log_syncs);

// The checksums of whole files that RocksDB calls "FileChecksumCrc32c", by the processor's
// instruction: Debian's RocksDB computes them by table.
std::shared_ptr<rocksdb::FileChecksumGenFactory> MakeFileChecksums();

// RocksDB's file system over ours, for crash tests. `base` must outlive it.
std::shared_ptr<rocksdb::FileSystem> MakeRocksFileSystem(io::FileSystem& base);

}  // namespace forebay::kv
