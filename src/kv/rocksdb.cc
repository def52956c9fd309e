#include "kv/rocksdb.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/statistics.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/log.h"
#include "kv/rocksdb_internal.h"
#include "kv/rocksdb_log_size.h"
#include "kv/rocksdb_log_tail.h"
#include "kv/rocksdb_upkeep.h"

namespace forebay::kv {

namespace {

using rocksdb::Slice;

// Keys of the engine's own column family; see docs/formats/kv.md.
constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kAppendKey = "append";
constexpr std::uint64_t kFormatVersion = 1;

// A range with at most so many keys is erased key by key. A range tombstone costs every later read
// of its memtable; most ranges are small (the staged blocks of one blob) and many are empty.
constexpr std::size_t kMaxExpandedRange = 1024;

constexpr std::chrono::milliseconds kResumeInterval{500};

Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const Slice& slice) { return {slice.data(), slice.size()}; }

class DbIterator final : public Iterator {
 public:
  DbIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, rocksdb::ReadOptions options,
             std::string_view begin, std::string_view end)
      : begin_(begin), end_(end), end_slice_(ToSlice(end_)) {
    if (!end_.empty()) options.iterate_upper_bound = &end_slice_;
    it_.reset(db.NewIterator(options, family));
    it_->Seek(ToSlice(begin_));
  }
  bool Valid() const override { return it_->Valid(); }
  void Next() override { it_->Next(); }
  void Seek(std::string_view key) override {
    it_->Seek(ToSlice(std::max(key, std::string_view(begin_))));
  }
  std::string_view key() const override { return ToView(it_->key()); }
  std::string_view value() const override { return ToView(it_->value()); }
  Result<> status() const override { return ToResult(it_->status()); }

 private:
  const std::string begin_;
  const std::string end_;
  const Slice end_slice_;  // RocksDB keeps a pointer to it
  std::unique_ptr<rocksdb::Iterator> it_;
};

class DbReader final : public Reader {
 public:
  using Families = std::vector<rocksdb::ColumnFamilyHandle*>;
  DbReader(rocksdb::DB& db, const Families& families, ReadMode mode, bool pinned)
      : db_(db), families_(families), snapshot_(pinned ? db.GetSnapshot() : nullptr) {
    options_.snapshot = snapshot_;
    options_.background_purge_on_iterator_cleanup = true;
    if (mode == ReadMode::kCacheOnly) options_.read_tier = rocksdb::kBlockCacheTier;
  }
  ~DbReader() override {
    if (snapshot_) db_.ReleaseSnapshot(snapshot_);
  }
  DbReader(const DbReader&) = delete;
  DbReader& operator=(const DbReader&) = delete;

  Result<std::optional<std::string>> Get(Space space, std::string_view key) const override {
    std::string value;
    rocksdb::PinnableSlice found(&value);
    auto status = db_.Get(options_, Family(space), ToSlice(key), &found);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return Fail(ToError(status));
    // What came from a memtable is in `value` already; a pinned block's has to be copied.
    if (found.IsPinned()) value.assign(found.data(), found.size());
    return value;
  }
  std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                 std::string_view end) const override {
    return std::make_unique<DbIterator>(db_, Family(space), options_, begin, end);
  }

 private:
  rocksdb::ColumnFamilyHandle* Family(Space space) const {
    return families_[1 + static_cast<std::size_t>(space)];
  }

  rocksdb::DB& db_;
  const Families& families_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions options_;
};

}  // namespace

// The open database. Only the committer calls Write and Sync.
class RocksDbStore::Db final : public CommitTarget {
 public:
  explicit Db(RocksDbOptions options);
  ~Db() override;
  Result<> Open();

  std::unique_ptr<Reader> Snapshot(ReadMode mode) const override {
    return std::make_unique<DbReader>(*db_, families_, mode, true);
  }
  std::unique_ptr<Reader> Latest() const override {
    return std::make_unique<DbReader>(*db_, families_, ReadMode::kMayBlock, false);
  }
  Result<> RoomToGrow() override;
  Result<> Write(const GroupWrite& group) override;
  Result<> Sync() override;

  rocksdb::DB& db() { return *db_; }
  const std::vector<rocksdb::ColumnFamilyHandle*>& families() const { return families_; }
  std::uint64_t first_append() const { return first_append_; }
  RocksDbStats stats() const;
  std::uint64_t buffered_bytes() const {
    return Property(rocksdb::DB::Properties::kCurSizeAllMemTables);
  }
  std::uint64_t log_bytes() const { return log_size_->bytes(); }
  Upkeep& upkeep() { return *upkeep_; }

 private:
  void FlushBuffers();
  Result<> ReadEngineRecords();
  Result<> CheckSpace();
  void MaybeResume(std::uint64_t free_bytes);
  Result<> AddRange(rocksdb::WriteBatch& batch, Space space, const std::string& begin,
                    const std::string& end);
  Result<> FillBatch(rocksdb::WriteBatch& batch, const GroupWrite& group);
  std::uint64_t Property(const std::string& name) const;

  const RocksDbOptions options_;
  const std::shared_ptr<metrics::LocalHistogram> log_syncs_ =
      std::make_shared<metrics::LocalHistogram>(metrics::LatencyBuckets());
  const std::shared_ptr<LogSize> log_size_ = std::make_shared<LogSize>(options_.path);
  const std::shared_ptr<std::atomic<bool>> sync_failed_ =
      std::make_shared<std::atomic<bool>>(false);
  std::function<void(std::string_view)> on_sync_failure_;
  std::shared_ptr<rocksdb::FileSystem> file_system_;
  std::shared_ptr<Room> room_;
  std::shared_ptr<rocksdb::EventListener> listener_;
  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::Statistics> statistics_;
  std::unique_ptr<rocksdb::WalFilter> log_end_;  // where it was torn; RocksDB has a pointer
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;  // owned; engine, meta, inline
  std::uint64_t first_append_ = 1;
  std::atomic<rocksdb::SequenceNumber> durable_ = 0;   // on stable storage at least up to here
  std::array<std::uint64_t, kSpaces> deletions_ = {};  // in the group that is written
  bool write_failed_ = false;  // RocksDB may refuse writes until it is told to resume
  std::chrono::steady_clock::time_point resume_at_;
  std::unique_ptr<Upkeep> upkeep_;  // gone before the database
};

RocksDbStore::Db::Db(RocksDbOptions options) : options_(std::move(options)) {
  on_sync_failure_ = [failed = sync_failed_,
                      told = options_.on_sync_failure](std::string_view what) {
    *failed = true;
    if (!told) Panic(what);
    told(what);
  };
  auto base = options_.file_system ? MakeRocksFileSystem(*options_.file_system)
                                   : rocksdb::FileSystem::Default();
  room_ = std::make_shared<Room>(base, options_.path, options_.min_free_bytes);
  auto guard = MakeRoomGuard(std::move(base), room_);
  listener_ = std::move(guard.listener);
  file_system_ = MakeSyncGuard(MakeLogMeter(std::move(guard.file_system), log_size_),
                               on_sync_failure_, log_syncs_);
  env_ = rocksdb::NewCompositeEnv(file_system_);
  cache_ = rocksdb::NewLRUCache(options_.cache_bytes, /*num_shard_bits=*/4,
                                /*strict_capacity_limit=*/false, /*high_pri_pool_ratio=*/0.5);
}

RocksDbStore::Db::~Db() {
  upkeep_.reset();
  if (!db_) return;
  if (!write_failed_) FlushBuffers();
  for (auto* family : families_) {
    auto status = db_->DestroyColumnFamilyHandle(family);
    (void)status;  // of a handle that is ours; there is nothing to do about it
  }
  auto status = db_->Close();
  if (!status.ok()) {
    Log(LogLevel::kWarn, "metadata store did not close cleanly", {{"error", status.ToString()}});
  }
}

// So that the next start has no log to replay.
void RocksDbStore::Db::FlushBuffers() {
  auto status = db_->Flush({}, families_);
  if (!status.ok()) {
    Log(LogLevel::kWarn, "metadata buffers were not flushed; the next start replays the log",
        {{"error", status.ToString()}});
  }
}

Result<> RocksDbStore::Db::Open() {
  FB_ASSIGN_OR_RETURN(LogCondition log, ExamineLog(*file_system_, options_.path));
  FB_RETURN_IF_ERROR(log_size_->Find(*file_system_));
  auto db_options = MakeDbOptions(options_, env_.get());
  // What was lost was never synced, so the log ends before it; or the operator says so. Else it is
  // damage, where the log still counts, which RocksDB knows better.
  bool cut = log.torn && (!log.damaged || options_.salvage_log);
  db_options.wal_recovery_mode = cut ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                     : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  if (log.torn) {
    log_end_ = EndAtHoles(std::move(log.holes), cut);
    db_options.wal_filter = log_end_.get();
  }
  // A restart replays the log and serves; it does not wait for tables to be written. A torn log
  // however must not be met again, when newer records would lie behind the tear.
  db_options.avoid_flush_during_recovery = !log.torn;
  if (log.torn) {
    Log(log.damaged ? LogLevel::kError : LogLevel::kWarn, "metadata log ends in a torn record",
        {{"where", log.where}, {"was_synced", log.damaged}});
  }
  statistics_ = db_options.statistics;
  db_options.listeners.push_back(listener_);
  rocksdb::DB* db = nullptr;
  FB_RETURN_IF_ERROR(ToResult(rocksdb::DB::Open(
      db_options, options_.path, MakeColumnFamilies(options_, cache_), &families_, &db)));
  db_.reset(db);
  FB_RETURN_IF_ERROR(ReadEngineRecords());
  durable_ = db_->GetLatestSequenceNumber();
  upkeep_ = std::make_unique<Upkeep>(
      *db_, families_, *room_,
      Upkeep::Options{.interval = options_.upkeep_interval, .on_low_space = options_.on_low_space});
  return {};
}

Result<> RocksDbStore::Db::ReadEngineRecords() {
  auto read = [&](std::string_view key) -> Result<std::optional<std::uint64_t>> {
    std::string value;
    auto status = db_->Get({}, families_[0], ToSlice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return Fail(ToError(status));
    Decoder decoder(value);
    std::uint64_t number = decoder.U64();
    FB_RETURN_IF_ERROR(decoder.Finish("engine record"));
    return number;
  };
  FB_ASSIGN_OR_RETURN(auto format, read(kFormatKey));
  if (format && *format > kFormatVersion) {
    return Fail(Code::kUnsupported, "A newer Forebay wrote this metadata store.");
  }
  if (!format) {
    rocksdb::WriteOptions sync;
    sync.sync = true;
    FB_RETURN_IF_ERROR(ToResult(
        db_->Put(sync, families_[0], ToSlice(kFormatKey), Encoder().U64(kFormatVersion).Take())));
  }
  FB_ASSIGN_OR_RETURN(auto append, read(kAppendKey));
  first_append_ = append.value_or(1);
  return {};
}

// The room is looked at anew only where it was scarce at the last write: there is much more than
// one group between that and the line.
Result<> RocksDbStore::Db::RoomToGrow() {
  if (!room_->scarce()) return {};
  FB_ASSIGN_OR_RETURN(const std::uint64_t free_bytes, room_->Look());
  if (free_bytes >= room_->growth_line()) return {};
  return Fail(Code::kNoSpace, "The metadata disk has less space left than deletes may need.");
}

Result<> RocksDbStore::Db::CheckSpace() {
  FB_ASSIGN_OR_RETURN(std::uint64_t free_bytes, room_->Look());
  if (free_bytes < room_->growth_line() && options_.on_low_space && options_.on_low_space()) {
    FB_ASSIGN_OR_RETURN(free_bytes, room_->Look());
  }
  if (free_bytes < room_->last_line()) {
    return Fail(Code::kNoSpace, "The metadata disk has less space left than it keeps in reserve.");
  }
  if (write_failed_) MaybeResume(free_bytes);
  return {};
}

void RocksDbStore::Db::MaybeResume(std::uint64_t free_bytes) {
  auto now = std::chrono::steady_clock::now();
  if (now < resume_at_) return;
  resume_at_ = now + kResumeInterval;
  auto status = db_->Resume();
  if (status.ok()) write_failed_ = false;
  Log(LogLevel::kWarn, "metadata store resumes writing",
      {{"result", status.ToString()}, {"free_bytes", free_bytes}});
}

// The group before is in the database by now, so the range is read from there.
Result<> RocksDbStore::Db::AddRange(rocksdb::WriteBatch& batch, Space space,
                                    const std::string& begin, const std::string& end) {
  auto* family = families_[1 + static_cast<std::size_t>(space)];
  auto it = Latest()->Scan(space, begin, end);
  std::vector<std::string> keys;
  for (; it->Valid() && keys.size() <= kMaxExpandedRange; it->Next()) {
    keys.emplace_back(it->key());
  }
  FB_RETURN_IF_ERROR(it->status());
  if (keys.size() <= kMaxExpandedRange) {
    for (const auto& key : keys) FB_RETURN_IF_ERROR(ToResult(batch.Delete(family, key)));
    deletions_[static_cast<std::size_t>(space)] += keys.size();
    return {};
  }
  std::string last = end;
  if (last.empty()) {
    std::unique_ptr<rocksdb::Iterator> all(db_->NewIterator({}, family));
    all->SeekToLast();
    FB_RETURN_IF_ERROR(ToResult(all->status()));
    last = all->key().ToString() + '\0';
  }
  deletions_[static_cast<std::size_t>(space)] += keys.size();  // at least
  return ToResult(batch.DeleteRange(family, begin, last));
}

Result<> RocksDbStore::Db::FillBatch(rocksdb::WriteBatch& batch, const GroupWrite& group) {
  FB_RETURN_IF_ERROR(ToResult(batch.PutLogData(EncodeSyncMarker(durable_.load()))));
  for (std::size_t i = 0; i < kSpaces; ++i) {
    auto space = static_cast<Space>(i);
    auto* family = families_[1 + i];
    for (const auto& [begin, end] : group.changes.ranges(space)) {
      FB_RETURN_IF_ERROR(AddRange(batch, space, begin, end));
    }
    for (const auto& [key, value] : group.changes.points(space)) {
      auto status = value ? batch.Put(family, key, *value) : batch.Delete(family, key);
      FB_RETURN_IF_ERROR(ToResult(status));
      if (!value) ++deletions_[i];
    }
  }
  if (group.append_limit == 0) return {};
  return ToResult(
      batch.Put(families_[0], ToSlice(kAppendKey), Encoder().U64(group.append_limit).Take()));
}

Result<> RocksDbStore::Db::Sync() {
  const rocksdb::SequenceNumber written = db_->GetLatestSequenceNumber();
  auto status = db_->SyncWAL();
  if (!status.ok()) {
    // Without asking the disk, too, where an append to the log has failed since: what was written
    // before it is seen, and nobody can say any more whether it stays.
    if (!*sync_failed_) on_sync_failure_("The log cannot be synced: " + status.ToString());
    return Fail(ToError(status));
  }
  // Never back: a write that was synced meanwhile may have come further.
  rocksdb::SequenceNumber known = durable_;
  while (known < written && !durable_.compare_exchange_weak(known, written)) {
  }
  return {};
}

Result<> RocksDbStore::Db::Write(const GroupWrite& group) {
  FB_RETURN_IF_ERROR(CheckSpace());
  rocksdb::WriteBatch batch(group.changes.bytes() + 32 * group.changes.keys() + 256);
  FB_RETURN_IF_ERROR(FillBatch(batch, group));
  rocksdb::WriteOptions how;
  how.sync = group.sync;
  auto status = db_->Write(how, &batch);
  if (!status.ok()) {
    write_failed_ = true;
    Log(LogLevel::kError, "metadata write failed", {{"error", status.ToString()}});
    return Fail(ToError(status));
  }
  if (group.sync) durable_ = db_->GetLatestSequenceNumber();
  upkeep_->Note(std::exchange(deletions_, {}), group.changes.bytes());
  return {};
}

std::uint64_t RocksDbStore::Db::Property(const std::string& name) const {
  std::uint64_t sum = 0;
  return db_->GetAggregatedIntProperty(name, &sum) ? sum : 0;
}

RocksDbStats RocksDbStore::Db::stats() const {
  using Properties = rocksdb::DB::Properties;
  return {.commit = {},
          .cache_hits = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_HIT),
          .cache_misses = statistics_->getTickerCount(rocksdb::BLOCK_CACHE_MISS),
          .cache_used_bytes = cache_->GetUsage(),
          .buffer_used_bytes = buffered_bytes(),
          .table_file_bytes = Property(Properties::kTotalSstFilesSize),
          .blob_file_bytes = Property(Properties::kTotalBlobFileSize),
          .blob_garbage_bytes = Property(Properties::kLiveBlobFileGarbageSize),
          .moved_share = upkeep_->moved_share(),
          .log_file_bytes = log_bytes(),
          .pending_compaction_bytes = Property(Properties::kEstimatePendingCompactionBytes),
          .running_compactions = Property(Properties::kNumRunningCompactions),
          .running_flushes = Property(Properties::kNumRunningFlushes),
          .flushed_bytes = statistics_->getTickerCount(rocksdb::FLUSH_WRITE_BYTES),
          .compacted_bytes = statistics_->getTickerCount(rocksdb::COMPACT_WRITE_BYTES),
          .stall_us = statistics_->getTickerCount(rocksdb::STALL_MICROS),
          .stopped = Property(Properties::kIsWriteStopped) != 0,
          .log_syncs = log_syncs_->Read()};
}

Result<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(RocksDbOptions options) {
  Committer::Options commit{.name = "kv", .prefetch_threads = options.prefetch_threads};
  auto db = std::make_unique<Db>(std::move(options));
  FB_RETURN_IF_ERROR(db->Open());
  commit.first_append = db->first_append();
  return std::unique_ptr<RocksDbStore>(new RocksDbStore(std::move(db), std::move(commit)));
}

RocksDbStore::RocksDbStore(std::unique_ptr<Db> db, Committer::Options options)
    : db_(std::move(db)), committer_(std::make_unique<Committer>(*db_, std::move(options))) {}

RocksDbStore::~RocksDbStore() = default;

std::unique_ptr<Reader> RocksDbStore::GetSnapshot(ReadMode mode) const {
  return db_->Snapshot(mode);
}

void RocksDbStore::TransactAsync(TransactionFn fn, Durability durability,
                                 std::move_only_function<void(Result<>)> done) {
  committer_->Submit(std::move(fn), durability, std::move(done));
}

std::shared_ptr<void> RocksDbStore::Watch(std::string prefix, std::function<void()> fn) {
  return committer_->Watch(std::move(prefix), std::move(fn));
}

Result<> RocksDbStore::Checkpoint(const std::string& dir) {
  rocksdb::Checkpoint* made = nullptr;
  FB_RETURN_IF_ERROR(ToResult(rocksdb::Checkpoint::Create(&db_->db(), &made)));
  std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return ToResult(checkpoint->CreateCheckpoint(dir));
}

Result<> RocksDbStore::VerifyChecksums() {
  FB_RETURN_IF_ERROR(ToResult(db_->db().VerifyFileChecksums({})));
  return ToResult(db_->db().VerifyChecksum());
}

RocksDbStats RocksDbStore::stats() const {
  RocksDbStats stats = db_->stats();
  stats.commit = committer_->stats();
  return stats;
}

std::uint64_t RocksDbStore::buffered_bytes() const { return db_->buffered_bytes(); }
std::uint64_t RocksDbStore::log_bytes() const { return db_->log_bytes(); }
bool RocksDbStore::flushing() const { return db_->upkeep().flushing(); }
void RocksDbStore::Flush(std::move_only_function<void()> done) {
  db_->upkeep().FlushSoon(std::move(done));
}

Result<> RocksDbStore::Compact() {
  for (auto* family : db_->families()) {
    FB_RETURN_IF_ERROR(ToResult(db_->db().Flush({}, family)));
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    FB_RETURN_IF_ERROR(ToResult(db_->db().CompactRange(options, family, nullptr, nullptr)));
  }
  return {};
}

}  // namespace forebay::kv
