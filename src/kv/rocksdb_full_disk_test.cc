// RocksDbStore on a small disk: the lines of rocksdb_room.h, and that what is deleted becomes room
// by itself (rocksdb_upkeep.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <random>
#include <thread>

#include "io/faulty.h"
#include "io/memory.h"
#include "kv/crash_file_system.h"
#include "kv/rocksdb.h"

namespace forebay::kv {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kLine = 2 * kMiB;
constexpr std::size_t kBodyBytes = 20'000;
constexpr std::chrono::seconds kPatience{120};  // what is waited for takes seconds at most

class FullDiskTest : public ::testing::Test {
 protected:
  FullDiskTest() {
    EXPECT_TRUE(memory_.MakeDirs("/data"));
    options_.path = "/data/kv";
    options_.cache_bytes = kMiB;
    options_.meta_buffer_bytes = 2 * kMiB;
    options_.inline_buffer_bytes = 4 * kMiB;
    options_.max_log_bytes = 12 * kMiB;
    options_.min_free_bytes = kLine;
    options_.upkeep_interval = std::chrono::milliseconds(20);
    options_.file_system = &memory_;
    Open();
  }
  void Open() {
    store_.reset();
    auto store = RocksDbStore::Open(options_);
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }
  std::uint64_t Free() const { return memory_.Space("/data")->available_bytes; }
  // Files may come and go meanwhile.
  void LeaveFree(std::uint64_t bytes) {
    const io::SpaceInfo space = *memory_.Space("/data");
    memory_.SetCapacity(space.total_bytes - space.available_bytes + bytes);
  }
  std::string Noise(std::size_t bytes) {
    std::string text;
    text.reserve(bytes + 8);
    while (text.size() < bytes) {
      const std::uint64_t word = random_();
      text.append(reinterpret_cast<const char*>(&word), sizeof(word));
    }
    text.resize(bytes);
    return text;
  }
  Result<> Put(std::string key, std::string value, Space space = Space::kMeta) {
    return store_->TransactBlocking([&](Transaction& t) -> Result<> {
      t.Put(space, key, value);
      return {};
    });
  }
  // As a delete does, which leaves a note as well.
  Result<> Erase(std::string key, Space space = Space::kMeta) {
    return store_->TransactBlocking([&](Transaction& t) -> Result<> {
      t.MakesRoom();
      t.Erase(space, key);
      t.Put("note/" + key, "gone");
      t.Append("log/", key);
      return {};
    });
  }
  // What the layers above do: they let bodies in while so much is left.
  std::vector<std::string> Fill(const std::string& prefix) {
    std::vector<std::string> keys;
    while (Free() >= 4 * kLine + store_->buffered_bytes()) {
      const std::string key = prefix + "/" + std::to_string(keys.size());
      auto put = Put(key, Noise(kBodyBytes), Space::kInline);
      if (!put) {
        ADD_FAILURE() << put.error().ToString();
        break;
      }
      keys.push_back(key);
    }
    return keys;
  }
  template <class Condition>
  static bool Await(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  // To its end.
  void Flush() {
    std::promise<void> over;
    store_->Flush([&] { over.set_value(); });
    ASSERT_EQ(over.get_future().wait_for(kPatience), std::future_status::ready);
  }
  static Code CodeOf(const Result<>& result) { return result ? Code{} : result.error().code(); }

  std::mt19937_64 random_{7};
  io::MemoryFileSystem memory_;
  RocksDbOptions options_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(FullDiskTest, WhatMakesRoomGoesOnWhereGrowthStops) {
  ASSERT_TRUE(Put("a", "1"));
  ASSERT_TRUE(Put("b", "1"));
  LeaveFree(kLine - 200'000);
  ASSERT_TRUE(Erase("b"));  // and the store knows now
  EXPECT_EQ(CodeOf(Put("c", "1")), Code::kNoSpace);
  EXPECT_TRUE(Erase("a"));
  EXPECT_EQ(*store_->GetSnapshot()->Get("a"), std::nullopt);
  LeaveFree(kLine / 2 - 200'000);
  EXPECT_EQ(CodeOf(Put("c", "1")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(Erase("note/a")), Code::kNoSpace);
  EXPECT_EQ(*store_->GetSnapshot()->Get("note/a"), "gone");
  LeaveFree(100 * kMiB);
  EXPECT_TRUE(Erase("note/a"));
  EXPECT_TRUE(Put("c", "1"));
}

TEST_F(FullDiskTest, EveryDeleteIsTakenAndBecomesRoom) {
  memory_.SetCapacity(64 * kMiB);
  const std::vector<std::string> keys = Fill("body");
  ASSERT_GT(keys.size() * kBodyBytes, 20 * kMiB);
  // Every second: no file of bodies becomes garbage as a whole.
  std::uint64_t least = Free();
  std::size_t deleted = 0;
  for (std::size_t i = 0; i < keys.size(); i += 2, ++deleted) {
    auto done = Erase(keys[i], Space::kInline);
    ASSERT_TRUE(done) << done.error().ToString() << " at " << i << ", free " << Free();
    least = std::min(least, Free());
  }
  EXPECT_GE(least, kLine);
  EXPECT_TRUE(Await([&] { return Free() >= 8 * kLine; })) << "free " << Free();
  // From there on it is looked for as it is needed.
  std::size_t again = 0;
  EXPECT_TRUE(Await([&] {
    again += Fill("again" + std::to_string(again)).size();
    return again >= deleted * 2 / 3;
  })) << again
      << " of " << deleted << ", free " << Free();
  for (std::size_t i = 1; i < keys.size(); i += 2) {
    auto body = store_->GetSnapshot()->Get(Space::kInline, keys[i]);
    ASSERT_TRUE(body) << body.error().ToString();
    ASSERT_TRUE(body->has_value() && (*body)->size() == kBodyBytes) << keys[i];
  }
  EXPECT_TRUE(store_->VerifyChecksums());
}

TEST_F(FullDiskTest, ALogGoesWhereRoomIsScarce) {
  ASSERT_TRUE(store_->TransactBlocking([](Transaction& t) -> Result<> {
    t.Append("log/", "a record of the engine's own stays in its buffer");
    return {};
  }));
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(20'000)));
  ASSERT_GT(store_->stats().log_file_bytes, kMiB);
  LeaveFree(6 * kLine);
  ASSERT_TRUE(Erase("k0"));
  EXPECT_TRUE(Await([&] { return store_->stats().log_file_bytes < kMiB / 4; }))
      << store_->stats().log_file_bytes;
}

TEST_F(FullDiskTest, AFlushThatIsAskedForGivesBuffersAndLogBack) {
  options_.upkeep_interval = std::chrono::hours(1);
  Open();
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(20'000)));
  ASSERT_GT(store_->log_bytes(), kMiB);
  const std::uint64_t buffered = store_->buffered_bytes();
  Flush();
  EXPECT_TRUE(Await([&] { return !store_->flushing() && store_->log_bytes() < kMiB / 4; }))
      << store_->log_bytes();
  EXPECT_LT(store_->buffered_bytes(), buffered / 2);
  Flush();  // of nothing
  EXPECT_TRUE(Put("more", "1"));
}

TEST_F(FullDiskTest, WhoWaitsForAFlushIsAnsweredWhenTheStoreCloses) {
  std::promise<void> over;
  store_->Flush([&] { over.set_value(); });
  store_.reset();
  EXPECT_EQ(over.get_future().wait_for(std::chrono::seconds(0)), std::future_status::ready);
}

// It is asked for with every request that waits for room.
TEST_F(FullDiskTest, WhatTheLogTakesIsKnownWithoutALookAtItsFolder) {
  io::FaultyFileSystem disk(memory_);
  options_.file_system = &disk;
  Open();
  for (int i = 0; i < 80; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(20'000)));
  const std::uint64_t taken = store_->log_bytes();
  EXPECT_GT(taken, kMiB);
  disk.AddFault({.ops = io::kOpLook, .path_contains = ""});
  EXPECT_EQ(store_->log_bytes(), taken);
  disk.Heal();
  store_.reset();
}

TEST_F(FullDiskTest, WhatALogTookBeforeARestartCounts) {
  std::uint64_t taken = 0;
  {
    CrashFileSystem disk(memory_, UINT64_MAX);
    options_.file_system = &disk;
    Open();
    for (int i = 0; i < 80; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(20'000)));
    taken = store_->log_bytes();
    disk.CrashNow();
    store_.reset();
  }
  memory_.DropUnsynced();
  options_.file_system = &memory_;
  Open();
  EXPECT_GT(taken, kMiB);
  EXPECT_GE(store_->log_bytes(), taken);
  Flush();
  EXPECT_TRUE(Await([&] { return store_->log_bytes() < kMiB / 4; })) << store_->log_bytes();
}

TEST_F(FullDiskTest, CompactionsLeaveWhatDeletesNeed) {
  options_.upkeep_interval = std::chrono::hours(1);
  Open();
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(8'000)));
  ASSERT_TRUE(store_->Compact());
  for (int i = 0; i < 1'000; i += 2) ASSERT_TRUE(Put("k" + std::to_string(i), Noise(200)));
  LeaveFree(kLine + kMiB);
  std::atomic<std::uint64_t> least = Free();
  {
    std::jthread watch([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        least = std::min(least.load(), Free());
        std::this_thread::yield();
      }
    });
    EXPECT_EQ(CodeOf(store_->Compact()), Code::kNoSpace);
  }
  EXPECT_GE(least, kLine);
  EXPECT_TRUE(Erase("k1"));
  EXPECT_EQ((*store_->GetSnapshot()->Get("k3"))->size(), 8'000u);
  LeaveFree(100 * kMiB);
  EXPECT_TRUE(Await([&] { return store_->Compact().has_value(); }));
  EXPECT_EQ((*store_->GetSnapshot()->Get("k3"))->size(), 8'000u);
  EXPECT_TRUE(store_->VerifyChecksums());
}

TEST_F(FullDiskTest, BlobFilesAreMovedOnlyWhileThereIsGarbage) {
  auto put_all = [&] {
    for (int i = 0; i < 600; ++i) {
      ASSERT_TRUE(Put("body" + std::to_string(i), Noise(kBodyBytes), Space::kInline));
    }
    ASSERT_TRUE(store_->Compact());
  };
  put_all();
  EXPECT_EQ(store_->stats().blob_garbage_bytes, 0u);
  EXPECT_EQ(store_->stats().moved_share, 0);
  const std::uint64_t fresh = store_->stats().blob_file_bytes;
  for (int i = 0; i < 600; i += 2) {
    ASSERT_TRUE(Put("body" + std::to_string(i), Noise(kBodyBytes), Space::kInline));
  }
  ASSERT_TRUE(store_->Compact());
  EXPECT_TRUE(Await([&] { return store_->stats().moved_share > 0; }))
      << store_->stats().blob_garbage_bytes;
  // Merges take the garbage away now, and then it ends.
  EXPECT_TRUE(Await([&] {
    EXPECT_TRUE(store_->Compact());
    return store_->stats().moved_share == 0;
  }));
  EXPECT_LT(store_->stats().blob_file_bytes, fresh * 13 / 10);
}

}  // namespace
}  // namespace forebay::kv
