#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <algorithm>

#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

// A table is compacted soon when, among this many neighbouring entries, so many are deletions:
// scans over what was deleted would otherwise step over every one of them.
constexpr std::size_t kDeletionWindow = 1024;
constexpr std::size_t kDeletionTrigger = 512;
constexpr double kDeletionRatio = 0.3;

// Smaller inline values stay in the tables.
constexpr std::uint64_t kMinBlobBytes = 512;
// At most. A file goes when what is left in it was moved, so it must fit into the room for that
// (Room::MovableBytes).
constexpr std::uint64_t kBlobFileBytes = 64 << 20;
constexpr std::uint64_t kMinBlobFileBytes = 4 << 20;
constexpr std::uint64_t kTableFileBytes = 32 << 20;

rocksdb::CompressionType BestCompression() {
  auto supported = rocksdb::GetSupportedCompressions();
  auto has = [&](rocksdb::CompressionType type) {
    return std::find(supported.begin(), supported.end(), type) != supported.end();
  };
  if (has(rocksdb::kLZ4Compression)) return rocksdb::kLZ4Compression;
  return has(rocksdb::kSnappyCompression) ? rocksdb::kSnappyCompression : rocksdb::kNoCompression;
}

std::shared_ptr<rocksdb::TableFactory> MakeTableFactory(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 16 << 10;
  table.format_version = 5;
  // Indexes and filters live in the cache and in pieces, so that memory stays bounded however many
  // blobs there are.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_top_level_index_and_filter = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4 << 10;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.whole_key_filtering = true;
  return std::shared_ptr<rocksdb::TableFactory>(rocksdb::NewBlockBasedTableFactory(table));
}

}  // namespace

Error ToError(const rocksdb::Status& status) {
  std::string text = status.ToString();
  if (status.IsIncomplete()) {
    return {Code::kWouldBlock, "A cache-only read of metadata needs the disk."};
  }
  if (status.IsNoSpace()) return {Code::kNoSpace, "The metadata disk is full: " + text};
  if (status.IsCorruption()) return {Code::kCorruption, "Metadata is damaged: " + text};
  if (status.IsBusy() || status.IsTimedOut() || status.IsTryAgain()) {
    return {Code::kBusy, "The metadata store is busy: " + text};
  }
  if (status.IsIOError() && text.find("lock ") != std::string::npos) {
    return {Code::kLocked, "Another process uses this metadata store: " + text};
  }
  if (status.IsNotSupported() || status.IsInvalidArgument()) {
    return {Code::kUnsupported, "The metadata store refused: " + text};
  }
  return {Code::kIo, "The metadata store failed: " + text};
}

rocksdb::DBOptions MakeDbOptions(const RocksDbOptions& options, rocksdb::Env* env) {
  rocksdb::DBOptions db;
  db.env = env;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.paranoid_checks = true;
  db.max_total_wal_size = options.max_log_bytes;
  db.db_write_buffer_size = options.meta_buffer_bytes + options.inline_buffer_bytes;
  db.skip_stats_update_on_db_open = true;
  db.skip_checking_sst_file_sizes_on_db_open = true;
  db.max_open_files = 4096;
  db.max_background_jobs = 2;
  db.max_subcompactions = 1;
  db.bytes_per_sync =
      1 << 20;  // spreads write-back of tables, so that log syncs do not queue behind it
  db.allow_concurrent_memtable_write = false;  // one writer
  db.enable_write_thread_adaptive_yield = false;
  db.file_checksum_gen_factory = MakeFileChecksums();
  db.max_log_file_size = 4 << 20;
  db.keep_log_file_num = 4;
  db.stats_dump_period_sec = 3600;
  db.stats_persist_period_sec = 0;
  db.db_host_id = "";  // files name no host
  db.max_manifest_file_size = 64 << 20;
  // After a compaction found no room RocksDB starts only those for which there is room, with as
  // much again as all write buffers unless told otherwise: here less than that may have to do.
  db.sst_file_manager.reset(rocksdb::NewSstFileManager(env));
  db.sst_file_manager->SetCompactionBufferSize(1 << 20);
  db.statistics = rocksdb::CreateDBStatistics();
  db.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> MakeColumnFamilies(
    const RocksDbOptions& options, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions meta;
  meta.table_factory = MakeTableFactory(cache);
  meta.write_buffer_size = options.meta_buffer_bytes;
  meta.max_write_buffer_number = 3;
  meta.target_file_size_base = kTableFileBytes;
  meta.max_bytes_for_level_base = 4 * kTableFileBytes;
  meta.level_compaction_dynamic_level_bytes = true;
  meta.compression = BestCompression();
  meta.table_properties_collector_factories.push_back(rocksdb::NewCompactOnDeletionCollectorFactory(
      kDeletionWindow, kDeletionTrigger, kDeletionRatio));

  rocksdb::ColumnFamilyOptions bodies = meta;
  bodies.write_buffer_size = options.inline_buffer_bytes;
  bodies.max_write_buffer_number = 4;  // bursts of bodies outrun one flush
  bodies.enable_blob_files = true;
  bodies.min_blob_size = kMinBlobBytes;
  bodies.blob_file_size =
      options.min_free_bytes == 0
          ? kBlobFileBytes
          : std::clamp<std::uint64_t>(options.min_free_bytes, kMinBlobFileBytes, kBlobFileBytes);
  bodies.enable_blob_garbage_collection = true;
  bodies.blob_garbage_collection_age_cutoff = 0;  // rocksdb_upkeep.h
  bodies.blob_garbage_collection_force_threshold = 0.5;
  bodies.blob_cache = cache;

  rocksdb::ColumnFamilyOptions engine = meta;
  engine.write_buffer_size = 1 << 20;
  return {{rocksdb::kDefaultColumnFamilyName, engine}, {"meta", meta}, {"inline", bodies}};
}

}  // namespace forebay::kv
