#include "kv/rocksdb_upkeep.h"

#include <gtest/gtest.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <future>

#include "io/memory.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::chrono::seconds kPatience{120};  // what is waited for takes seconds at most

rocksdb::BlobMetaData Blob(std::uint64_t number, std::uint64_t total, std::uint64_t garbage) {
  rocksdb::BlobMetaData blob;
  blob.blob_file_number = number;
  blob.total_blob_bytes = total;
  blob.garbage_blob_bytes = garbage;
  return blob;
}

// How many files RocksDB moves for a share.
std::size_t Moved(const MovePlan& plan) {
  return static_cast<std::size_t>(plan.Share() * static_cast<double>(plan.of));
}

TEST(PlanMovesTest, TakesTheOldestThatFit) {
  const std::vector<rocksdb::BlobMetaData> blobs = {Blob(9, 100, 10), Blob(3, 100, 50),
                                                    Blob(5, 100, 0), Blob(7, 100, 90)};
  const MovePlan plan = PlanMoves(blobs, 155, 1);
  EXPECT_EQ(plan.files, 2u) << "3 and 5, and 7 no more";
  EXPECT_EQ(plan.of, 4u);
  EXPECT_EQ(plan.live_bytes, 150u);
  EXPECT_EQ(Moved(plan), 2u);
}

TEST(PlanMovesTest, AFileThatDoesNotFitEndsThePlan) {
  // What is behind it cannot go first: RocksDB knows ages only.
  const MovePlan plan = PlanMoves({Blob(1, 100, 0), Blob(2, 100, 99)}, 99, 1);
  EXPECT_EQ(plan.files, 0u);
  EXPECT_EQ(plan.Share(), 0);
}

TEST(PlanMovesTest, KeepsToTheShareThatMayBeMoved) {
  std::vector<rocksdb::BlobMetaData> blobs;
  for (std::uint64_t i = 0; i < 9; ++i) blobs.push_back(Blob(i, 100, 20));
  EXPECT_EQ(PlanMoves(blobs, 1 << 20, 0.5).files, 4u);
  const MovePlan all = PlanMoves(blobs, 1 << 20, 1);
  EXPECT_EQ(all.files, 9u);
  EXPECT_EQ(Moved(all), 9u);
  for (std::size_t fits = 0; fits <= 9; ++fits)
    EXPECT_EQ(Moved(PlanMoves(blobs, 80 * fits, 1)), fits);
}

TEST(PlanMovesTest, NothingIsNothing) {
  const MovePlan plan = PlanMoves({}, 100, 0.5);
  EXPECT_EQ(plan.files, 0u);
  EXPECT_EQ(plan.Share(), 0);
}

// Holds merges back from the moment that a test says.
class Held final : public rocksdb::EventListener {
 public:
  void OnCompactionBegin(rocksdb::DB*, const rocksdb::CompactionJobInfo&) override {
    if (!holds.load() || met.exchange(true)) return;
    begun.set_value();
    go.get_future().wait();
  }
  std::atomic<bool> holds{false};
  std::atomic<bool> met{false};
  std::promise<void> begun;
  std::promise<void> go;
};

class UpkeepTest : public ::testing::Test {
 protected:
  UpkeepTest() {
    EXPECT_TRUE(memory_.MakeDirs("/kv"));
    RocksDbOptions options;
    options.path = "/kv";
    options.min_free_bytes = kMiB;
    auto db_options = MakeDbOptions(options, env_.get());
    db_options.listeners.push_back(held_);
    rocksdb::DB* db = nullptr;
    const auto opened =
        rocksdb::DB::Open(db_options, options.path,
                          MakeColumnFamilies(options, rocksdb::NewLRUCache(kMiB)), &families_, &db);
    EXPECT_TRUE(opened.ok()) << opened.ToString();
    db_.reset(db);
  }
  ~UpkeepTest() override {
    for (auto* family : families_) EXPECT_TRUE(db_->DestroyColumnFamilyHandle(family).ok());
    EXPECT_TRUE(db_->Close().ok());
  }
  rocksdb::ColumnFamilyHandle* bodies() const { return families_.back(); }
  // Every second body is gone, and its bytes are known to be garbage.
  void LeaveGarbage() {
    const auto key = [](int i) { return "body" + std::to_string(i); };
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(db_->Put({}, bodies(), key(i), std::string(20'000, 'x')).ok());
    }
    ASSERT_TRUE(db_->Flush({}, bodies()).ok());
    for (int i = 0; i < 100; i += 2) ASSERT_TRUE(db_->Delete({}, bodies(), key(i)).ok());
    ASSERT_TRUE(db_->Flush({}, bodies()).ok());
    ASSERT_TRUE(db_->CompactRange({}, bodies(), nullptr, nullptr).ok());
  }
  void LeaveFree(std::uint64_t bytes) {
    const io::SpaceInfo space = *memory_.Space("/kv");
    memory_.SetCapacity(space.total_bytes - space.available_bytes + bytes);
  }

  io::MemoryFileSystem memory_;
  std::shared_ptr<rocksdb::FileSystem> files_ = MakeRocksFileSystem(memory_);
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  std::shared_ptr<Held> held_ = std::make_shared<Held>();
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  std::unique_ptr<rocksdb::DB> db_;
};

// A request waits for it: a merge may take longer than that has patience.
TEST_F(UpkeepTest, AFlushThatIsAskedForDoesNotWaitForAMerge) {
  LeaveGarbage();
  Room room(files_, "/kv", kMiB);
  LeaveFree(7 * kMiB);  // scarce
  held_->holds = true;
  Upkeep upkeep(*db_, families_, room,
                {.interval = std::chrono::milliseconds(1), .on_low_space = {}});
  const auto begun = held_->begun.get_future().wait_for(kPatience);
  EXPECT_EQ(begun, std::future_status::ready);
  EXPECT_TRUE(db_->Put({}, families_[1], "record", "in a buffer").ok());
  std::promise<void> over;
  upkeep.FlushSoon([&] { over.set_value(); });
  EXPECT_EQ(over.get_future().wait_for(kPatience), std::future_status::ready);
  std::uint64_t left = 1;
  EXPECT_TRUE(
      db_->GetIntProperty(families_[1], rocksdb::DB::Properties::kNumEntriesActiveMemTable, &left));
  EXPECT_EQ(left, 0u);
  held_->go.set_value();
}

}  // namespace
}  // namespace forebay::kv
