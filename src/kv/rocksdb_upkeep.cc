#include "kv/rocksdb_upkeep.h"

#include <pthread.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/log.h"

namespace forebay::kv {

namespace {

// A buffer that holds so many deletions is moved to a table, where the collector
// (rocksdb_options.cc) sees to it that they are merged away: a scan steps over each deletion and
// over what it hides.
constexpr std::uint64_t kDeletionsBeforeFlush = 32'768;
// Where room is scarce, sooner, and all buffers: until then neither what was deleted nor the log
// that tells of it becomes room.
constexpr std::uint64_t kDeletionsWhenScarce = 1'000;

constexpr double kGarbageStart = 0.2;  // of the bytes in blob files
constexpr double kGarbageStop = 0.1;
constexpr double kMovedShare = 0.5;  // the oldest half, where there is room for it

// RocksDB says that a flush is over before the log that it freed is gone.
constexpr std::chrono::milliseconds kBetweenLooks{2};
// One flush may follow the other: who waits looks for himself then.
constexpr std::chrono::seconds kLongestWait{1};

constexpr std::size_t kInlineFamily = 1 + static_cast<std::size_t>(Space::kInline);

}  // namespace

double MovePlan::Share() const {
  if (files == 0) return 0;
  return std::min(1.0, (static_cast<double>(files) + 0.5) / static_cast<double>(of));
}

MovePlan PlanMoves(std::vector<rocksdb::BlobMetaData> blobs, std::uint64_t movable_bytes,
                   double max_share) {
  std::ranges::sort(blobs, {}, &rocksdb::BlobMetaData::blob_file_number);
  MovePlan plan{.of = blobs.size()};
  const auto most = static_cast<std::size_t>(max_share * static_cast<double>(blobs.size()));
  for (const rocksdb::BlobMetaData& blob : std::span(blobs).first(most)) {
    const std::uint64_t live = blob.total_blob_bytes - blob.garbage_blob_bytes;
    if (plan.live_bytes + live > movable_bytes) break;
    plan.live_bytes += live;
    ++plan.files;
  }
  return plan;
}

Upkeep::Upkeep(rocksdb::DB& db, std::vector<rocksdb::ColumnFamilyHandle*> families, Room& room,
               Options options)
    : db_(db), families_(std::move(families)), room_(room), options_(std::move(options)) {
  rounds_ = std::thread([this] { RoundLoop(); });
  pthread_setname_np(rounds_.native_handle(), "kv-upkeep");
  flusher_ = std::thread([this] { FlushLoop(); });
  pthread_setname_np(flusher_.native_handle(), "kv-flush");
}

Upkeep::~Upkeep() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  db_.DisableManualCompaction();
  rounds_.join();
  flusher_.join();
}

void Upkeep::Note(const std::array<std::uint64_t, kSpaces>& deletions, std::uint64_t bytes) {
  for (std::size_t i = 0; i < kSpaces; ++i) {
    if (deletions[i] > 0) deletions_[i].fetch_add(deletions[i], std::memory_order_relaxed);
  }
  written_.fetch_add(bytes, std::memory_order_relaxed);
  Flush(kDeletionsWhenScarce);
}

bool Upkeep::flushing() const {
  using Properties = rocksdb::DB::Properties;
  for (const std::string& property :
       {Properties::kNumRunningFlushes, Properties::kMemTableFlushPending}) {
    std::uint64_t number = 0;
    if (db_.GetAggregatedIntProperty(property, &number) && number > 0) return true;
  }
  return false;
}

void Upkeep::FlushSoon(std::move_only_function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      waiting_.push_back(std::move(done));
      wake_.notify_all();
      return;
    }
  }
  done();
}

void Upkeep::RoundLoop() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, options_.interval, [&] { return stopping_; })) {
    lock.unlock();
    Round();
    lock.lock();
  }
}

void Upkeep::FlushLoop() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waiting_.empty()) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    auto waiting = std::exchange(waiting_, {});
    const bool flush = !stopping_ && !waiting.empty();
    lock.unlock();
    if (flush) {
      if (!flushing()) FlushAll();
      AwaitFlushed();
    }
    for (auto& done : waiting) done();
    lock.lock();
  }
}

void Upkeep::AwaitFlushed() {
  const auto until = std::chrono::steady_clock::now() + kLongestWait;
  while (flushing() && std::chrono::steady_clock::now() < until) {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, kBetweenLooks, [&] { return stopping_; })) return;
  }
}

void Upkeep::Round() {
  auto free_bytes = room_.Look();
  if (free_bytes && *free_bytes < room_.last_line() && options_.on_low_space &&
      options_.on_low_space()) {
    free_bytes = room_.Look();  // else a flush may meet the end of the disk
  }
  if (!free_bytes) {
    Log(LogLevel::kWarn, "the metadata disk does not say what is free",
        {{"error", free_bytes.error().ToString()}});
    return;
  }
  // The log may have set room aside while there was much.
  if (!std::exchange(was_scarce_, room_.scarce()) && was_scarce_) FlushAll();
  Flush(1);  // a few deletions wait for a round at most
  Collect(*free_bytes);
}

// Where room is scarce, everything, from so many deletions on: a log goes once no family needs it
// any more, and takes as much room as the buffers.
void Upkeep::Flush(std::uint64_t deletions_when_scarce) {
  if (room_.scarce()) {
    bool all = written_.load(std::memory_order_relaxed) > room_.growth_line();
    for (const auto& deletions : deletions_) {
      all = all || deletions.load(std::memory_order_relaxed) >= deletions_when_scarce;
    }
    if (all) return FlushAll();
  }
  std::vector<rocksdb::ColumnFamilyHandle*> due;
  for (std::size_t i = 0; i < kSpaces; ++i) {
    if (deletions_[i].load(std::memory_order_relaxed) < kDeletionsBeforeFlush) continue;
    deletions_[i].store(0, std::memory_order_relaxed);
    due.push_back(families_[1 + i]);
  }
  if (!due.empty()) Start(due);
}

void Upkeep::FlushAll() {
  written_.store(0, std::memory_order_relaxed);
  for (auto& deletions : deletions_) deletions.store(0, std::memory_order_relaxed);
  Start(families_);
}

void Upkeep::Start(const std::vector<rocksdb::ColumnFamilyHandle*>& due) {
  rocksdb::FlushOptions start;
  start.wait = false;
  start.allow_write_stall = true;  // false would wait here for the flushes before it
  auto status = db_.Flush(start, due);
  if (!status.ok()) {
    Log(LogLevel::kWarn, "metadata flush did not start", {{"error", status.ToString()}});
  }
}

void Upkeep::Collect(std::uint64_t free_bytes) {
  using Properties = rocksdb::DB::Properties;
  const auto total = static_cast<double>(Number(Properties::kLiveBlobFileSize));
  const auto garbage = static_cast<double>(Number(Properties::kLiveBlobFileGarbageSize));
  const bool scarce = room_.scarce();
  collecting_ = garbage > total * (collecting_ ? kGarbageStop : kGarbageStart);
  // What is deleted where room is scarce is garbage by the time its table is merged.
  const bool wanted = collecting_ || scarce;
  if (!wanted && moved_share() == 0) return;
  rocksdb::ColumnFamilyMetaData family;  // names every file, so not for nothing
  db_.GetColumnFamilyMetaData(families_[kInlineFamily], &family);
  const MovePlan plan = PlanMoves(std::move(family.blob_files), room_.MovableBytes(free_bytes),
                                  scarce ? 1 : kMovedShare);
  SetShare(plan, wanted);
  if (scarce && garbage > total * kGarbageStop && plan.files > 0) Merge(plan);
}

std::uint64_t Upkeep::Number(const std::string& property) const {
  std::uint64_t number = 0;
  return db_.GetIntProperty(families_[kInlineFamily], property, &number) ? number : 0;
}

// RocksDB writes a file for each change of options, so small ones are left.
void Upkeep::SetShare(const MovePlan& plan, bool wanted) {
  const double is = moved_share();
  const auto files = static_cast<std::size_t>(is * static_cast<double>(plan.of));
  const bool near = files == plan.files || (files < plan.files && files > plan.files / 2);
  if (wanted ? near : is == 0) return;
  const double share = wanted ? plan.Share() : 0;
  auto status = db_.SetOptions(families_[kInlineFamily],
                               {{"blob_garbage_collection_age_cutoff", std::to_string(share)}});
  if (status.ok()) {
    moved_share_.store(share, std::memory_order_relaxed);
  } else {
    Log(LogLevel::kWarn, "garbage collection of inline values was not switched",
        {{"error", status.ToString()}});
  }
}

// Merges all tables of inline values, which hold keys and references, for the files of the plan.
void Upkeep::Merge(const MovePlan& plan) {
  rocksdb::CompactRangeOptions how;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  how.allow_write_stall = true;
  how.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  how.blob_garbage_collection_age_cutoff = plan.Share();
  auto status = db_.CompactRange(how, families_[kInlineFamily], nullptr, nullptr);
  // Without room for it the next round tries with what there is then.
  if (status.ok() || status.IsIncomplete() || status.IsShutdownInProgress()) return;
  Log(LogLevel::kInfo, "garbage in metadata was not collected", {{"error", status.ToString()}});
}

}  // namespace forebay::kv
