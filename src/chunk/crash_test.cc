// Power cuts at every operation: what was acknowledged is there and right, nothing is half there,
// and no space is lost.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "chunk/crash_test_kv.h"
#include "chunk/segment_chunk_store.h"
#include "chunk/test_support.h"
#include "io/memory.h"
#include "kv/crash_file_system.h"
#include "kv/rocksdb.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CrashTestKv;

// What the store has promised, and what it may or may not have done.
struct Model {
  std::map<ChunkId, std::vector<std::byte>> acknowledged;
  std::map<ChunkId, std::vector<std::byte>> in_doubt;  // there and right, or not there
  std::map<ChunkId, std::vector<std::byte>> cached;    // linked without a sync: may be torn, too
  std::set<ChunkId> gone;
};

class CrashTest : public ::testing::Test {
 protected:
  // The key-value store as a process finds it when it starts.
  virtual Result<> OpenKv() {
    if (!kv_) kv_ = std::make_unique<CrashTestKv>(fs_);
    return {};
  }
  // True once nothing counts any more: whatever is answered now is answered by a dead process.
  virtual bool Crashed() const { return fs_.crashed(); }
  virtual void PowerCutKv() { kv_ = static_cast<CrashTestKv&>(*kv_).AfterPowerCut(); }

  Result<> Open() {
    FB_RETURN_IF_ERROR(OpenKv());
    Options options;
    options.segment_bytes = 64 << 10;  // a few chunks each, so that everything happens soon
    options.reserve_bytes = 0;
    options.active_segments = 2;
    options.write_threads = options.sync_threads = 1;
    options.evacuate_dead_share = 0.4;
    options.on_fatal = [this](std::string_view) { fatal_ = true; };
    FB_ASSIGN_OR_RETURN(
        store_, SegmentChunkStore::Open(*kv_, *files_, {"/a", "/b"}, options, Clock::System()));
    return {};
  }

  // One step of the workload, recorded in the model whatever its outcome.
  Result<> Put(std::size_t n, std::uint64_t seed) {
    std::vector<std::byte> data = Bytes(n, seed);
    FB_ASSIGN_OR_RETURN(StagedChunkPtr chunk, testing::Write(*store_, data));
    model_.in_doubt[chunk->id()] = data;
    FB_RETURN_IF_ERROR(testing::Sync(*store_, {chunk}));
    FB_RETURN_IF_ERROR(testing::LinkAll(*store_, *kv_, {chunk}));
    if (Crashed()) return Fail(Code::kIo, "answered after the power cut");
    model_.in_doubt.erase(chunk->id());
    model_.acknowledged[chunk->id()] = data;
    return {};
  }

  Result<> PutCached(std::size_t n, std::uint64_t seed) {
    std::vector<std::byte> data = Bytes(n, seed);
    FB_ASSIGN_OR_RETURN(StagedChunkPtr chunk, testing::Write(*store_, data));
    model_.cached[chunk->id()] = data;
    return testing::LinkAll(*store_, *kv_, {chunk}, kv::Durability::kLazy);
  }

  Result<> Delete(std::size_t nth, kv::Durability durability) {
    if (model_.acknowledged.empty()) return {};
    auto it = std::next(model_.acknowledged.begin(),
                        static_cast<std::ptrdiff_t>(nth % model_.acknowledged.size()));
    ChunkId id = it->first;
    model_.in_doubt[id] = it->second;
    model_.acknowledged.erase(it);
    FB_RETURN_IF_ERROR(testing::Unlink(*store_, *kv_, id, durability));
    // A lazy deletion may come undone; then all of the chunk must be back.
    if (durability == kv::Durability::kLazy || Crashed()) return {};
    model_.in_doubt.erase(id);
    model_.gone.insert(id);
    return {};
  }

  Result<> Workload() {
    FB_RETURN_IF_ERROR(Open());
    for (std::uint64_t i = 0; i < 8; ++i) FB_RETURN_IF_ERROR(Put(9'000 + i * 1'000, i));
    FB_RETURN_IF_ERROR(PutCached(20'000, 100));
    FB_RETURN_IF_ERROR(Delete(1, kv::Durability::kSync));
    FB_RETURN_IF_ERROR(Delete(2, kv::Durability::kLazy));
    {
      FB_ASSIGN_OR_RETURN(auto dropped, testing::Write(*store_, Bytes(30'000, 101)));
    }
    FB_RETURN_IF_ERROR(store_->RunMaintenanceOnce());
    for (std::uint64_t i = 0; i < 3; ++i) {
      FB_RETURN_IF_ERROR(Delete(i, kv::Durability::kSync));
      FB_RETURN_IF_ERROR(Put(12'000, 200 + i));
    }
    FB_RETURN_IF_ERROR(PutCached(70'000, 102));
    FB_RETURN_IF_ERROR(store_->RunMaintenanceOnce());
    FB_RETURN_IF_ERROR(Delete(3, kv::Durability::kLazy));
    FB_RETURN_IF_ERROR(store_->RunMaintenanceOnce());
    FB_RETURN_IF_ERROR(Put(40'000, 300));
    store_.reset();
    return {};
  }

  void PowerCut(std::optional<std::uint64_t> seed) {
    store_.reset();
    PowerCutKv();
    disk_.DropUnsynced(seed);
    fs_.Heal();
    fatal_ = false;
  }

  void CheckPromises() {
    for (const auto& [id, data] : model_.acknowledged) {
      auto read = testing::Read(*store_, *kv_, id);
      ASSERT_TRUE(read) << read.error().ToString();
      ASSERT_EQ(*read, data);
    }
    for (const auto& [id, data] : model_.in_doubt) {
      auto read = testing::Read(*store_, *kv_, id);
      if (read) {
        ASSERT_EQ(*read, data);
      } else {
        ASSERT_EQ(read.error().code(), Code::kNotFound) << read.error().ToString();
      }
    }
    for (const auto& [id, data] : model_.cached) {
      auto read = testing::Read(*store_, *kv_, id);
      if (read) {
        ASSERT_EQ(*read, data);
      } else {
        ASSERT_TRUE(read.error().code() == Code::kNotFound ||
                    read.error().code() == Code::kCorruption)
            << read.error().ToString();
      }
    }
    for (ChunkId id : model_.gone) {
      ASSERT_EQ(testing::CodeOf(testing::Read(*store_, *kv_, id)), Code::kNotFound);
    }
  }

  void CheckRecords() {
    auto report = store_->Fsck({.verify_checksums = true});
    ASSERT_TRUE(report) << report.error().ToString();
    for (ChunkId id : report->corrupt) ASSERT_TRUE(model_.cached.contains(id));
    ASSERT_EQ(report->problem_count, report->corrupt.size())
        << (report->problems.empty() ? "" : report->problems.front());
  }

  // After maintenance the disks hold what is named, and headers. (A torn cache page may have
  // fewer.)
  void CheckSpace() {
    std::uint64_t allocated = 0;
    std::uint64_t files = 0;
    for (const std::string& dir : {"/a/segments", "/b/segments"}) {
      for (const io::DirEntry& entry : *disk_.List(dir)) {
        allocated += *(*disk_.Open(dir + "/" + entry.name, io::OpenMode::kRead))->AllocatedBytes();
        ++files;
      }
    }
    std::uint64_t live = 0;
    auto volumes = store_->Volumes();
    ASSERT_TRUE(volumes);
    for (const VolumeStatus& volume : *volumes) live += volume.live_bytes;
    ASSERT_LE(allocated, live + files * kAlignment);
    ASSERT_EQ(files, store_->ListSegments().size());
  }

  void CheckAll() {
    CheckPromises();
    if (HasFatalFailure()) return;
    CheckRecords();
  }

  io::MemoryFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  io::FileSystem* files_ = &fs_;
  std::unique_ptr<kv::Store> kv_;
  std::unique_ptr<SegmentChunkStore> store_;
  Model model_;
  bool fatal_ = false;
};

TEST_F(CrashTest, TheWorkloadDoesEverythingOnce) {
  ASSERT_TRUE(Workload());
  std::uint64_t operations = fs_.operations();
  EXPECT_GT(operations, 80u);
  ASSERT_TRUE(Open());
  CheckAll();
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  CheckSpace();
}

TEST_F(CrashTest, AtEveryOperation) {
  std::uint64_t operations = 0;
  std::uint64_t moved = 0;
  {
    ASSERT_TRUE(Workload());
    operations = fs_.operations();
  }
  for (std::uint64_t n = 1; n <= operations; ++n) {
    for (int variant = 0; variant < 2; ++variant) {
      SCOPED_TRACE("crash at " + std::to_string(n) + " variant " + std::to_string(variant));
      store_.reset();
      disk_.DropUnsynced();
      for (const std::string& dir : {"/a/segments", "/b/segments", "/a", "/b"}) {
        if (!*disk_.Exists(dir)) continue;
        for (const io::DirEntry& entry : *disk_.List(dir)) {
          if (!entry.is_directory) ASSERT_TRUE(disk_.Remove(dir + "/" + entry.name));
        }
        ASSERT_TRUE(disk_.SyncDir(dir));
        ASSERT_TRUE(disk_.Remove(dir));
      }
      fs_.Heal();
      kv_.reset();
      model_ = {};
      fs_.CrashAt(n);
      Result<> done = Workload();
      ASSERT_TRUE(fs_.crashed()) << "and yet: " << (done ? "" : done.error().ToString());
      if (store_) moved += store_->stats().chunks_moved;
      PowerCut(variant == 0 ? std::nullopt
                            : std::optional(n * 10 + static_cast<std::uint64_t>(variant)));
      ASSERT_TRUE(Open());
      CheckAll();
      if (HasFatalFailure()) return;
      // Goes on as if nothing had been, and gives everything back that nobody names.
      ASSERT_TRUE(Put(10'000, 1'000 + n));
      ASSERT_TRUE(store_->RunMaintenanceOnce());
      ASSERT_TRUE(store_->RunMaintenanceOnce());
      CheckAll();
      CheckSpace();
      if (HasFatalFailure()) return;
      // A second start finds the same.
      store_.reset();
      ASSERT_TRUE(Open());
      CheckAll();
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(moved, 0u) << "the workload must reach the evacuator";
}

TEST_F(CrashTest, HolesWaitForLazyDeletions) {
  int undone = 0;
  for (std::uint64_t n = 1; n < 8; ++n) {
    SCOPED_TRACE("crash at " + std::to_string(n) + " after the deletion");
    ASSERT_TRUE(Open());
    ASSERT_TRUE(Put(9'000, n));
    ChunkId id = model_.acknowledged.begin()->first;
    ASSERT_TRUE(Delete(0, kv::Durability::kLazy));
    fs_.CrashAt(fs_.operations() + n);
    (void)store_->RunMaintenanceOnce();
    PowerCut(std::nullopt);
    ASSERT_TRUE(Open());
    CheckAll();
    if (HasFatalFailure()) return;
    undone += testing::Read(*store_, *kv_, id).has_value() ? 1 : 0;
    store_.reset();
    model_ = {};
  }
  EXPECT_GT(undone, 0) << "some power cut must undo the deletion";
}

TEST_F(CrashTest, ASecondPowerCutDuringRecovery) {
  for (std::uint64_t n = 1; n < 40; ++n) {
    SCOPED_TRACE("second crash at " + std::to_string(n));
    disk_.DropUnsynced();
    ASSERT_TRUE(Open());
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(Put(9'000, n * 10 + i));
    {
      auto dropped = testing::Write(*store_, Bytes(30'000, n));
    }
    ASSERT_TRUE(Delete(n, kv::Durability::kSync));
    PowerCut(n);
    fs_.CrashAt(n);
    Result<> opened = Open();
    if (opened) break;
    PowerCut(n + 1'000);
    ASSERT_TRUE(Open());
    CheckAll();
    if (HasFatalFailure()) return;
    store_.reset();
  }
}

// The same with the real engine on the same disk. Its background threads make the count of
// operations vary, so the crash points are spread over a run rather than all taken.
class RocksDbCrashTest : public CrashTest {
 protected:
  ~RocksDbCrashTest() override {
    store_.reset();
    kv_.reset();
  }
  Result<> OpenKv() override {
    if (kv_) return {};
    kv::RocksDbOptions options;
    options.path = "/kv";
    options.file_system = files_;
    options.min_free_bytes = 0;
    options.on_sync_failure = [](std::string_view) {};
    FB_ASSIGN_OR_RETURN(kv_, kv::RocksDbStore::Open(std::move(options)));
    return {};
  }
  void PowerCutKv() override {
    kv_.reset();
    lights_.reset();
    files_ = &fs_;
  }
  bool Crashed() const override { return lights_ && lights_->crashed(); }
  // The process does not notice: RocksDB aborts where its disk fails, instead of answering.
  void CrashUnnoticedAt(std::uint64_t n) {
    lights_ = std::make_unique<kv::CrashFileSystem>(disk_, n);
    files_ = lights_.get();
  }

  std::unique_ptr<kv::CrashFileSystem> lights_;
};

TEST_F(RocksDbCrashTest, AtManyOperations) {
  CrashUnnoticedAt(UINT64_MAX);
  // One run first, so that there is something to lose.
  Result<> first = Workload();
  ASSERT_TRUE(first) << first.error().ToString();
  std::uint64_t operations = lights_->operations();
  PowerCut(std::nullopt);
  int interrupted = 0;
  for (std::uint64_t n = 10; n < operations; n += std::max<std::uint64_t>(1, operations / 50)) {
    SCOPED_TRACE("crash at " + std::to_string(n) + " of " + std::to_string(operations));
    CrashUnnoticedAt(n);
    (void)Workload();
    interrupted += Crashed() ? 1 : 0;
    PowerCut(n % 3 == 0 ? std::nullopt : std::optional(n));
    Result<> opened = Open();
    ASSERT_TRUE(opened) << opened.error().ToString();
    CheckAll();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(store_->RunMaintenanceOnce());
    ASSERT_TRUE(store_->RunMaintenanceOnce());
    CheckAll();
    CheckSpace();
    if (HasFatalFailure()) return;
    store_.reset();
    kv_.reset();
  }
  EXPECT_GT(interrupted, 30);
}

}  // namespace
}  // namespace forebay::chunk
