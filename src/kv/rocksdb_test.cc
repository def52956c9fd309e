// What RocksDbStore promises beyond the shared suite: restarts, damage, full disks, failed syncs.
#include "kv/rocksdb.h"

#include <gtest/gtest.h>

#include <mutex>

#include "base/codec.h"
#include "io/faulty.h"
#include "io/memory.h"
#include "kv/crash_file_system.h"
#include "kv/test_engines.h"

namespace forebay::kv {
namespace {

constexpr std::string_view kDir = "/data/kv";

class RocksDbTest : public ::testing::Test {
 protected:
  RocksDbTest() {
    EXPECT_TRUE(memory_.MakeDirs("/data"));
    options_.path = kDir;
    options_.cache_bytes = 1 << 20;
    options_.min_free_bytes = 1 << 20;
    options_.upkeep_interval = std::chrono::hours(1);
    StartProcess();
    options_.on_sync_failure = [this](std::string_view what) {
      std::lock_guard lock(mutex_);
      sync_failures_.emplace_back(what);
    };
    Reopen();
  }

  void Reopen() {
    store_.reset();
    auto store = RocksDbStore::Open(options_);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }
  // As kill -9 does: the files stay as they are at this moment, whatever runs in the background.
  void Kill() {
    process_->CrashNow();
    store_.reset();
    StartProcess();
  }
  void StartProcess() {
    faulty_.reset();
    process_ = std::make_unique<CrashFileSystem>(memory_, UINT64_MAX);
    faulty_ = std::make_unique<io::FaultyFileSystem>(*process_);
    options_.file_system = faulty_.get();
  }
  Result<> Put(std::string key, std::string value, Space space = Space::kMeta) {
    return store_->TransactBlocking([&](Transaction& t) -> Result<> {
      t.Put(space, key, value);
      return {};
    });
  }
  std::optional<std::string> Read(std::string_view key) {
    auto value = store_->GetSnapshot()->Get(key);
    EXPECT_TRUE(value) << value.error().ToString();
    return value ? *value : std::nullopt;
  }
  // The newest file that ends so.
  std::string FindFile(std::string_view suffix) {
    std::string found;
    for (const auto& entry : *memory_.List(std::string(kDir))) {
      if (entry.name.ends_with(suffix)) found = std::string(kDir) + "/" + entry.name;
    }
    return found;
  }
  static Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }

  io::MemoryFileSystem memory_;
  std::unique_ptr<CrashFileSystem> process_;
  std::unique_ptr<io::FaultyFileSystem> faulty_;
  RocksDbOptions options_;
  std::mutex mutex_;
  std::vector<std::string> sync_failures_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(RocksDbTest, KeepsEverythingOverRestarts) {
  ASSERT_TRUE(Put("a", "1"));
  ASSERT_TRUE(Put("body", std::string(100'000, 'b'), Space::kInline));
  Reopen();
  ASSERT_TRUE(Put("b", "2"));
  Kill();
  Reopen();
  EXPECT_EQ(Read("a"), "1");
  EXPECT_EQ(Read("b"), "2");
  EXPECT_EQ(**store_->GetSnapshot()->Get(Space::kInline, "body"), std::string(100'000, 'b'));
}

TEST_F(RocksDbTest, AppendNumbersGrowOverRestartsAndKills) {
  std::string last;
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(store_->TransactBlocking([](Transaction& t) -> Result<> {
      t.Append("log/", "x");
      return {};
    }));
    if (i % 2 == 0) Kill();
    Reopen();
    std::string newest;
    int count = 0;
    for (auto it = store_->GetSnapshot()->Scan("log/", PrefixEnd("log/")); it->Valid();
         it->Next(), ++count) {
      newest = it->key();
    }
    EXPECT_EQ(count, i + 1);
    EXPECT_GT(newest, last);
    last = newest;
  }
}

TEST_F(RocksDbTest, ASecondStoreIsRefused) {
  auto second = RocksDbStore::Open(options_);
  EXPECT_EQ(CodeOf(second), Code::kLocked);
}

TEST(RocksDbPosixTest, ASecondStoreIsRefusedOnDiskToo) {
  TempDir dir;
  RocksDbOptions options;
  options.path = dir.path() + "/kv";
  auto first = RocksDbStore::Open(options);
  ASSERT_TRUE(first) << first.error().ToString();
  auto second = RocksDbStore::Open(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kLocked) << second.error().ToString();
}

TEST_F(RocksDbTest, DamageToAcknowledgedTransactionsIsRefused) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), std::string(100, 'v')));
  Kill();
  std::string log = FindFile(".log");
  auto contents = *io::ReadFile(memory_, log);
  ASSERT_TRUE(memory_.CorruptByte(log, contents.size() / 2));
  auto refused = RocksDbStore::Open(options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kCorruption);
  // The operator may give up what follows.
  options_.salvage_log = true;
  Reopen();
  EXPECT_EQ(Read("k0"), std::string(100, 'v'));
  EXPECT_EQ(Read("k19"), std::nullopt);
  options_.salvage_log = false;
  ASSERT_TRUE(Put("k19", "new"));
  Reopen();
  EXPECT_EQ(Read("k19"), "new");
}

TEST_F(RocksDbTest, ATornTailIsTolerated) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), std::string(100, 'v')));
  Kill();
  std::string log = FindFile(".log");
  auto size = io::ReadFile(memory_, log)->size();
  {
    auto file = memory_.Open(log, io::OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate(size - 30));
  }
  Reopen();
  EXPECT_EQ(Read("k18"), std::string(100, 'v'));
  EXPECT_EQ(Read("k19"), std::nullopt);
}

// Zeros from the end of a record to the end of a block of the log: all that is read is intact, and
// still something is missing.
class RocksDbHoleTest : public RocksDbTest {
 protected:
  static std::string Key(int i) { return "k" + std::to_string(10 + i); }
  void PutBytes(int i, std::uint64_t bytes, Durability durability) {
    ASSERT_TRUE(store_->TransactBlocking(
        [&](Transaction& t) -> Result<> {
          t.Put(Key(i), std::string(bytes, 'v'));
          return {};
        },
        durability));
  }
  // The transaction `lost_` is not in the log, the one behind it is.
  void MakeHole(Durability durability) {
    constexpr std::uint64_t kBlock = 32 << 10;
    const std::string log = FindFile(".log");
    const auto size = [&] { return io::ReadFile(memory_, log)->size(); };
    PutBytes(0, 1'000, durability);
    const std::uint64_t before = size();
    PutBytes(1, 1'000, durability);
    const std::uint64_t beside = size() - before - 1'000;
    for (lost_ = 2; kBlock - size() > 4'000; ++lost_) PutBytes(lost_, 1'000, durability);
    const std::uint64_t hole = size();
    PutBytes(lost_, kBlock - hole - beside, durability);
    ASSERT_EQ(size(), kBlock);
    PutBytes(lost_ + 1, 1'000, durability);
    Kill();
    auto file = memory_.Open(log, io::OpenMode::kReadWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->WriteAt(std::vector<std::byte>(kBlock - hole), hole));
  }
  void ExpectEndsAtHole() {
    EXPECT_TRUE(Read(Key(lost_ - 1)));
    EXPECT_FALSE(Read(Key(lost_)));
    EXPECT_FALSE(Read(Key(lost_ + 1)));
  }

  int lost_ = 0;
};

TEST_F(RocksDbHoleTest, NothingBehindItIsKept) {
  MakeHole(Durability::kLazy);
  Reopen();
  ExpectEndsAtHole();
  ASSERT_TRUE(Put("after", "the hole"));
  Kill();
  Reopen();
  EXPECT_EQ(Read("after"), "the hole");
  ExpectEndsAtHole();
}

TEST_F(RocksDbHoleTest, InWhatWasAcknowledgedItIsDamage) {
  MakeHole(Durability::kSync);
  EXPECT_EQ(CodeOf(RocksDbStore::Open(options_)), Code::kCorruption);
  EXPECT_EQ(CodeOf(RocksDbStore::Open(options_)), Code::kCorruption) << "nor the second time";
  options_.salvage_log = true;
  Reopen();
  ExpectEndsAtHole();
}

TEST_F(RocksDbTest, ScrubFindsRottenTablesAndBlobs) {
  ASSERT_TRUE(Put("a", "1"));
  ASSERT_TRUE(Put("body", std::string(10'000, 'b'), Space::kInline));
  ASSERT_TRUE(store_->Compact());
  EXPECT_TRUE(store_->VerifyChecksums());
  for (std::string suffix : {".blob", ".sst"}) {
    std::string path = FindFile(suffix);
    ASSERT_FALSE(path.empty()) << suffix;
    auto size = io::ReadFile(memory_, path)->size();
    ASSERT_TRUE(memory_.CorruptByte(path, size / 2));
    EXPECT_EQ(CodeOf(store_->VerifyChecksums()), Code::kCorruption) << suffix;
    ASSERT_TRUE(memory_.CorruptByte(path, size / 2));
  }
}

TEST(RocksDbPosixTest, ACheckpointIsAStoreOfItsOwn) {
  TempDir dir;
  RocksDbOptions options;
  options.path = dir.path() + "/kv";
  auto store = RocksDbStore::Open(options);
  ASSERT_TRUE(store) << store.error().ToString();
  auto put = [&](std::string value) {
    return (*store)->TransactBlocking([=](Transaction& t) -> Result<> {
      t.Put("a", value);
      t.Put(Space::kInline, "body", std::string(10'000, 'b'));
      return {};
    });
  };
  ASSERT_TRUE(put("1"));
  options.path = dir.path() + "/copy";
  auto made = (*store)->Checkpoint(options.path);
  ASSERT_TRUE(made) << made.error().ToString();
  ASSERT_TRUE(put("2"));
  auto copy = RocksDbStore::Open(options);
  ASSERT_TRUE(copy) << copy.error().ToString();
  EXPECT_EQ(**(*copy)->GetSnapshot()->Get("a"), "1");
  EXPECT_EQ((*copy)->GetSnapshot()->Get(Space::kInline, "body")->value().size(), 10'000u);
  EXPECT_FALSE((*store)->Checkpoint(options.path));
}

TEST_F(RocksDbTest, AFullDiskRefusesWritesServesReadsAndRecovers) {
  ASSERT_TRUE(Put("a", "1"));
  memory_.SetCapacity(512 << 10);
  EXPECT_EQ(CodeOf(Put("b", "2")), Code::kNoSpace);
  EXPECT_EQ(Read("a"), "1");
  EXPECT_EQ(Read("b"), std::nullopt);
  memory_.SetCapacity(std::uint64_t{1} << 30);
  EXPECT_TRUE(Put("b", "2"));
  Reopen();
  EXPECT_EQ(Read("b"), "2");
}

TEST_F(RocksDbTest, AReserveThatIsGivenUpLetsWritesGoOn) {
  int asked = 0;
  options_.on_low_space = [&] {
    if (++asked == 1) memory_.SetCapacity(std::uint64_t{1} << 30);
    return asked == 1;
  };
  Reopen();
  memory_.SetCapacity(512 << 10);
  EXPECT_TRUE(Put("a", "1"));
  EXPECT_TRUE(Put("b", "2"));
  EXPECT_EQ(asked, 1);
  memory_.SetCapacity(512 << 10);
  EXPECT_EQ(CodeOf(Put("c", "3")), Code::kNoSpace) << "there is one reserve";
  EXPECT_EQ(asked, 2);
  store_.reset();  // before what its options refer to
}

TEST_F(RocksDbTest, AFailedLogSyncEndsTheProcess) {
  ASSERT_TRUE(Put("a", "1"));
  EXPECT_TRUE(sync_failures_.empty());
  faulty_->AddFault({.ops = io::kOpSync, .path_contains = ".log", .times = 1});
  EXPECT_FALSE(Put("b", "2"));
  std::lock_guard lock(mutex_);
  ASSERT_EQ(sync_failures_.size(), 1u);
  EXPECT_NE(sync_failures_[0].find(".log"), std::string::npos);
}

TEST_F(RocksDbTest, AFailedSyncThatIsAwaitedEndsTheProcessToo) {
  ASSERT_TRUE(Put("a", "1"));
  faulty_->AddFault({.ops = io::kOpSync, .path_contains = ".log", .times = 1});
  EXPECT_FALSE(store_->TransactBlocking(
      [](Transaction& t) -> Result<> {
        t.Put("b", "2");
        return {};
      },
      Durability::kAwaited));
  std::lock_guard lock(mutex_);
  EXPECT_EQ(sync_failures_.size(), 1u);
}

TEST_F(RocksDbTest, CacheOnlyReadsNeverTouchTheDisk) {
  std::string value(2000, 'v');
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Put("k" + std::to_string(i), "v"));
    ASSERT_TRUE(Put("k" + std::to_string(i), value, Space::kInline));
  }
  ASSERT_TRUE(store_->Compact());
  Reopen();
  auto cached = store_->GetSnapshot(ReadMode::kCacheOnly);
  EXPECT_EQ(CodeOf(cached->Get("k7")), Code::kWouldBlock);
  auto cold = cached->Scan("", "");
  EXPECT_FALSE(cold->Valid());
  EXPECT_EQ(CodeOf(cold->status()), Code::kWouldBlock);
  EXPECT_EQ(CodeOf(cached->Get(Space::kInline, "k7")), Code::kWouldBlock);
  // A transaction on cold data is warmed on a pool thread, and answers.
  EXPECT_TRUE(Put("k7", "v2"));
  EXPECT_EQ(CodeOf(store_->TransactBlocking([](Transaction& t) -> Result<> {
              FB_ASSIGN_OR_RETURN(auto k9, t.Get("k9"));
              return k9 ? Result<>(Fail(Code::kConditionNotMet, "there")) : Result<>();
            })),
            Code::kConditionNotMet);
  EXPECT_GE(store_->stats().commit.prefetches, 1u);
  EXPECT_EQ(Read("k9"), "v");
  EXPECT_TRUE(store_->GetSnapshot()->Get(Space::kInline, "k7"));
  auto warm = store_->GetSnapshot(ReadMode::kCacheOnly);
  EXPECT_TRUE(warm->Get("k9"));
  EXPECT_TRUE(warm->Get(Space::kInline, "k7"));
}

TEST_F(RocksDbTest, StatsCount) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), "v"));
  auto stats = store_->stats();
  EXPECT_EQ(stats.commit.transactions, 10u);
  EXPECT_EQ(stats.commit.groups, stats.commit.synced_groups);
  EXPECT_GE(stats.commit.bytes, 30u);
  EXPECT_GT(stats.buffer_used_bytes, 0u);
}

}  // namespace
}  // namespace forebay::kv
