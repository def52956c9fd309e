// Freeing, moving, sealing and starting again.
#include "chunk/segment_chunk_store.h"

#include <set>
#include <thread>

#include "chunk/records.h"
#include "chunk/store_fixture.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CodeOf;

using SegmentChunkStoreTest = testing::SegmentStoreTest;

TEST_F(SegmentChunkStoreTest, FreedBytesAreGivenBack) {
  ASSERT_TRUE(Open());
  ChunkId keep = *Put(20'000, 1);
  ChunkId drop = *Put(100'000, 2);
  std::uint64_t before = AllocatedIn("/a");
  ASSERT_TRUE(Delete(drop));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_LE(AllocatedIn("/a"), before - 98'304);
  EXPECT_EQ(store_->stats().bytes_punched, AlignUp(100'000));
  EXPECT_EQ(*Get(keep), Bytes(20'000, 1));
  EXPECT_EQ(store_->Fsck({})->free_records, 0u);
  ExpectClean();
}

TEST_F(SegmentChunkStoreTest, NoHoleIsPunchedUnderAPin) {
  ASSERT_TRUE(Open());
  std::vector<std::byte> data = Bytes(100'000, 1);
  ChunkId id = *Put(data);
  ReadPinPtr pin = *Pin(id);
  ASSERT_TRUE(Delete(id));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->stats().bytes_punched, 0u);
  EXPECT_EQ(*testing::Read(*pin), data);
  pin.reset();
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_GT(store_->stats().bytes_punched, 0u);
}

TEST_F(SegmentChunkStoreTest, AnOldSnapshotCannotPinWhatWasFreed) {
  ASSERT_TRUE(Open());
  ChunkId id = *Put(100'000, 1);
  auto old = kv_.GetSnapshot();
  ASSERT_TRUE(Delete(id));
  ASSERT_TRUE(store_->Pin(*old, id)) << "not punched yet, so it may still be read";
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(CodeOf(store_->Pin(*old, id)), Code::kNotFound);
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(CodeOf(store_->Pin(*old, id)), Code::kNotFound) << "the segment may be gone, too";
}

TEST_F(SegmentChunkStoreTest, AnOldSnapshotFindsWhatMoved) {
  ASSERT_TRUE(Open());
  options_.evacuate_dead_share = 0.4;
  ASSERT_TRUE(Open());
  std::vector<std::byte> data = Bytes(50'000, 1);
  ChunkId id = *Put(data);
  ChunkId drop = *Put(150'000, 2);
  ASSERT_TRUE(Open());  // seals
  auto old = kv_.GetSnapshot();
  ASSERT_TRUE(Delete(drop));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  ASSERT_EQ(store_->stats().chunks_moved, 1u);
  auto pin = store_->Pin(*old, id);
  ASSERT_TRUE(pin);
  EXPECT_EQ(*testing::Read(**pin), data);
}

TEST_F(SegmentChunkStoreTest, DeadSegmentsAreRemovedAndSparseOnesEvacuated) {
  ASSERT_TRUE(Open());
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 30; ++i) ids.push_back(*Put(50'000, i));
  EXPECT_GE(FilesIn("/a"), 6u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 10 != 0) ASSERT_TRUE(Delete(ids[i]));
  }
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_LE(FilesIn("/a"), 3u);
  EXPECT_GT(store_->stats().segments_removed, 3u);
  for (std::size_t i = 0; i < ids.size(); i += 10) EXPECT_EQ(*Get(ids[i]), Bytes(50'000, i));
  EXPECT_LE(AllocatedIn("/a"), 3 * AlignUp(50'000) + FilesIn("/a") * kAlignment);
  ExpectClean();
  ASSERT_TRUE(Open());
  for (std::size_t i = 0; i < ids.size(); i += 10) EXPECT_EQ(*Get(ids[i]), Bytes(50'000, i));
}

TEST_F(SegmentChunkStoreTest, PinnedChunksMoveButTheirOldPlaceWaits) {
  options_.evacuate_dead_share = 0.4;
  ASSERT_TRUE(Open());
  std::vector<std::byte> data = Bytes(50'000, 1);
  ChunkId id = *Put(data);
  ChunkId drop = *Put(150'000, 2);
  ASSERT_TRUE(Open());
  ReadPinPtr pin = *Pin(id);
  ASSERT_TRUE(Delete(drop));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->stats().chunks_moved, 1u);
  EXPECT_EQ(store_->stats().segments_removed, 0u);
  EXPECT_EQ(*testing::Read(*pin), data) << "from the old place";
  EXPECT_EQ(*Get(id), data) << "from the new one";
  pin.reset();
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->stats().segments_removed, 1u);
  EXPECT_EQ(*Get(id), data);
}

TEST_F(SegmentChunkStoreTest, StagedChunksThatAreDroppedGiveTheirSpaceBack) {
  ASSERT_TRUE(Open());
  {
    auto staged = testing::Write(*store_, Bytes(100'000, 1));
  }
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(AllocatedIn("/a"), kAlignment);
  ExpectClean();
}

TEST_F(SegmentChunkStoreTest, ASegmentIsSealedWhenEveryChunkIsNamedOrFreed) {
  ASSERT_TRUE(Open());
  auto open_one = testing::Write(*store_, Bytes(200'000, 1));
  ASSERT_TRUE(open_one);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(Put(200'000, i));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  auto sealed = [&] {
    std::size_t n = 0;
    for (const SegmentInfo& info : store_->ListSegments()) n += info.sealed ? 1 : 0;
    return n;
  };
  std::size_t before = sealed();
  open_one->reset();
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->stats().segments_removed, 1u) << "sealed, found dead and removed";
  EXPECT_EQ(sealed(), before);
}

TEST_F(SegmentChunkStoreTest, StartingLooksOnlyAtUnsealedSegments) {
  ASSERT_TRUE(Open());
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 40; ++i) ids.push_back(*Put(100'000, i));
  ASSERT_TRUE(Open());
  ASSERT_TRUE(Open());  // now all are sealed
  ASSERT_GT(FilesIn("/a"), 15u);
  store_.reset();
  fs_.AddFault({.ops = io::kOpOpen | io::kOpRead, .path_contains = ".seg"});
  ASSERT_TRUE(Open()) << "no segment is opened";
  fs_.Heal();
  EXPECT_EQ(*Get(ids[7]), Bytes(100'000, 7));
}

TEST_F(SegmentChunkStoreTest, IdsAndOffsetsAreNeverUsedAgain) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> ids;
  std::set<std::string> files;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Open());
    ChunkId id = *Put(10'000, 1);
    EXPECT_TRUE(ids.insert({id.session, id.sequence}).second);
    for (const SegmentInfo& info : store_->ListSegments()) {
      if (!info.sealed) EXPECT_TRUE(files.insert(info.path).second);
    }
    ASSERT_TRUE(Delete(id));
    for (int n = 0; n < 2; ++n) ASSERT_TRUE(store_->RunMaintenanceOnce());
  }
}

TEST_F(SegmentChunkStoreTest, ABackupPinKeepsFilesAsTheyAre) {
  ASSERT_TRUE(Open());
  ChunkId id = *Put(100'000, 1);
  ASSERT_TRUE(Open());
  auto backup = store_->PinForBackup();
  std::vector<SegmentInfo> segments = store_->ListSegments();
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_TRUE(segments[0].sealed);
  std::uint64_t before = AllocatedIn("/a");
  ASSERT_TRUE(Delete(id));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(AllocatedIn("/a"), before);
  EXPECT_TRUE(*disk_.Exists(segments[0].path));
  backup.reset();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_FALSE(*disk_.Exists(segments[0].path));
}

TEST_F(SegmentChunkStoreTest, SyncsAreShared) {
  options_.active_segments = 1;
  options_.segment_bytes = 64 << 20;
  options_.write_threads = 4;
  ASSERT_TRUE(Open());
  constexpr int kThreads = 8;
  constexpr int kEach = 20;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        auto chunk = testing::Write(*store_, Bytes(5'000, 1));
        ASSERT_TRUE(chunk);
        ASSERT_TRUE(testing::Sync(*store_, {*chunk}));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Stats stats = store_->stats();
  EXPECT_LE(stats.syncs, stats.sync_requests);
  EXPECT_LE(stats.sync_requests, kThreads * kEach);
  // What a later sync of the same segment covered needs none of its own.
  auto a = testing::Write(*store_, Bytes(10, 1));
  auto b = testing::Write(*store_, Bytes(10, 2));
  ASSERT_TRUE(testing::Sync(*store_, {*a, *b}));
  std::uint64_t syncs = store_->stats().syncs;
  ASSERT_TRUE(testing::Sync(*store_, {*a}));
  EXPECT_EQ(store_->stats().syncs, syncs);
}

TEST_F(SegmentChunkStoreTest, PinsOutliveTheStore) {
  ASSERT_TRUE(Open());
  ChunkId id = *Put(10'000, 1);
  ReadPinPtr pin = *Pin(id);
  auto staged = testing::Write(*store_, Bytes(10, 1));
  ASSERT_EQ(*testing::Read(*pin), Bytes(10'000, 1));
  store_.reset();
  EXPECT_EQ(*testing::Read(*pin), Bytes(10'000, 1));
  staged->reset();
  pin.reset();
}

// Readers race with deletion and punching: they read the right bytes or are told that it is gone.
TEST_F(SegmentChunkStoreTest, ReadersNeverSeeAHole) {
  ASSERT_TRUE(Open());
  store_->Start();
  constexpr int kChunks = 200;
  std::vector<std::byte> data = Bytes(30'000, 9);
  std::mutex mutex;
  std::vector<ChunkId> ids;
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::atomic<int> misses{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!done) {
        ChunkId id;
        {
          std::lock_guard lock(mutex);
          if (ids.empty()) continue;
          id = ids[random() % ids.size()];
        }
        auto snapshot = kv_.GetSnapshot();
        if (random() % 2 == 0) std::this_thread::yield();
        auto pin = store_->Pin(*snapshot, id);
        if (!pin) {
          ASSERT_EQ(pin.error().code(), Code::kNotFound);
          ++misses;
          continue;
        }
        auto read = testing::Read(**pin);
        ASSERT_TRUE(read) << read.error().ToString();
        ASSERT_EQ(*read, data);
        ++reads;
      }
    });
  }
  for (int i = 0; i < kChunks; ++i) {
    ChunkId id = *Put(data);
    ChunkId victim{};
    {
      std::lock_guard lock(mutex);
      ids.push_back(id);
      if (ids.size() > 10) victim = ids[ids.size() - 10];
    }
    if (victim.session != 0) ASSERT_TRUE(Delete(victim));
  }
  done = true;
  for (auto& reader : readers) reader.join();
  store_->Stop();
  EXPECT_GT(reads, 0);
  EXPECT_GT(store_->stats().bytes_punched, 0u);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  ExpectClean();
}

TEST_F(SegmentChunkStoreTest, TheMaintenanceThreadFreesSoon) {
  options_.maintenance_interval = std::chrono::hours(1);
  ASSERT_TRUE(Open());
  store_->Start();
  ChunkId id = *Put(100'000, 1);
  ASSERT_TRUE(Delete(id));
  for (int i = 0; i < 500 && store_->stats().bytes_punched == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(store_->stats().bytes_punched, 0u) << "woken by the record, not by the clock";
}

}  // namespace
}  // namespace forebay::chunk
