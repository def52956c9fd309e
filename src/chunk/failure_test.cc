// Full disks, failing disks, rotten bits.
#include "chunk/store_fixture.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CodeOf;

using FailureTest = testing::SegmentStoreTest;

TEST_F(FailureTest, AFullDiskRefusesBeforeTheReserveAndRecovers) {
  disk_.SetCapacity(600 << 10);
  options_.reserve_bytes = 200 << 10;
  ASSERT_TRUE(Open());
  std::vector<ChunkId> ids;
  Code code{};
  for (std::uint64_t i = 0; i < 20; ++i) {
    auto id = Put(50'000, i);
    if (!id) {
      code = id.error().code();
      break;
    }
    ids.push_back(*id);
  }
  EXPECT_EQ(code, Code::kNoSpace);
  EXPECT_GE(ids.size(), 6u);
  EXPECT_GE(disk_.Space("/a")->available_bytes, options_.reserve_bytes);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(50'000, i));
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kActive);
  ASSERT_TRUE(Delete(ids[0]));
  ASSERT_TRUE(Delete(ids[1]));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_TRUE(Put(50'000, 99)) << "there is room again";
  ExpectClean();
}

TEST_F(FailureTest, ADiskThatSaysItIsFullIsPassedOver) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  fs_.AddFault({.ops = io::kOpWrite, .path_contains = "/a/", .code = Code::kNoSpace});
  for (std::uint64_t i = 0; i < 6; ++i) {
    auto id = Put(10'000, i);
    ASSERT_TRUE(id) << id.error().ToString();
    EXPECT_EQ(*Get(*id), Bytes(10'000, i));
  }
  EXPECT_EQ(StatusOf("/a").live_bytes, 0u);
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kActive);
  fs_.AddFault({.ops = io::kOpWrite, .path_contains = "/b/", .code = Code::kNoSpace});
  EXPECT_EQ(CodeOf(Put(10'000, 7)), Code::kNoSpace);
  fs_.Heal();
  EXPECT_TRUE(Put(10'000, 8));
  EXPECT_EQ(fatal_, 0);
}

TEST_F(FailureTest, AFailedWriteTakesOneDirectoryOutOfService) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<ChunkId> on_a;
  std::vector<ChunkId> on_b;
  for (std::uint64_t i = 0; i < 8; ++i) {
    std::uint64_t before = StatusOf("/a").live_bytes;
    ChunkId id = *Put(10'000, i);
    (StatusOf("/a").live_bytes > before ? on_a : on_b).push_back(id);
  }
  ASSERT_FALSE(on_a.empty());
  ASSERT_FALSE(on_b.empty());
  fs_.AddFault({.ops = io::kOpWrite, .path_contains = "/a/"});
  for (std::uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(Put(10'000, 100 + i));
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kFailed);
  EXPECT_NE(StatusOf("/a").failure.find("injected"), std::string::npos);
  EXPECT_EQ(CodeOf(Get(on_a[0])), Code::kVolumeFailed);
  EXPECT_TRUE(Get(on_b[0]));
  ASSERT_TRUE(store_->RunMaintenanceOnce()) << "maintenance goes on with the others";
  ASSERT_TRUE(Delete(on_a[0])) << "records can be dropped";
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(fatal_, 0);
}

TEST_F(FailureTest, AFailedSyncAcknowledgesNothing) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<StagedChunkPtr> chunks;
  for (std::uint64_t i = 0; i < 4; ++i) {
    auto chunk = testing::Write(*store_, Bytes(10'000, i));
    ASSERT_TRUE(chunk);
    chunks.push_back(*chunk);
  }
  fs_.AddFault({.ops = io::kOpSync, .path_contains = "/a/", .times = 1});
  EXPECT_EQ(CodeOf(testing::Sync(*store_, chunks)), Code::kVolumeFailed);
  // The second fdatasync would succeed, as the kernel forgot the pages: it must not be believed.
  EXPECT_EQ(CodeOf(testing::Sync(*store_, chunks)), Code::kVolumeFailed);
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kFailed);
  EXPECT_EQ(fatal_, 0);
  EXPECT_TRUE(Put(10'000, 9));
}

TEST_F(FailureTest, AFailedSyncOfTheOnlyDirectoryIsFatal) {
  ASSERT_TRUE(Open());
  auto chunk = testing::Write(*store_, Bytes(10'000, 1));
  ASSERT_TRUE(chunk);
  fs_.AddFault({.ops = io::kOpSync, .path_contains = ".seg"});
  EXPECT_EQ(CodeOf(testing::Sync(*store_, {*chunk})), Code::kVolumeFailed);
  store_.reset();  // waits for the sync thread, which reports after it has answered
  EXPECT_EQ(fatal_, 1);
}

TEST_F(FailureTest, NothingLeftToWriteTo) {
  ASSERT_TRUE(Open());
  fs_.AddFault({.ops = io::kOpWrite, .path_contains = ".seg"});
  EXPECT_EQ(CodeOf(Put(10'000, 1)), Code::kVolumeFailed);
  fs_.Heal();
  EXPECT_EQ(CodeOf(Put(10'000, 1)), Code::kVolumeFailed) << "until the process starts again";
  ASSERT_TRUE(Open());
  EXPECT_TRUE(Put(10'000, 1));
}

TEST_F(FailureTest, AReadThatFailsFailsThatReadOnly) {
  ASSERT_TRUE(Open());
  ChunkId id = *Put(10'000, 1);
  fs_.AddFault({.ops = io::kOpRead, .path_contains = ".seg", .times = 1});
  EXPECT_EQ(CodeOf(Get(id)), Code::kIo);
  EXPECT_EQ(*Get(id), Bytes(10'000, 1));
}

TEST_F(FailureTest, RottenBitsAreSeenAndScrubFindsThem) {
  ASSERT_TRUE(Open());
  ChunkId good = *Put(200'000, 1);
  ChunkId bad = *Put(200'000, 2);
  std::string path;
  for (const SegmentInfo& info : store_->ListSegments()) path = info.path;
  // The last segment holds the last chunk; its third block begins 128 KiB into it.
  ASSERT_TRUE(Open());
  std::uint64_t size = *(*disk_.Open(path, io::OpenMode::kRead))->Size();
  std::uint64_t begin = size - 200'000 / 4096 * 4096 - 4096;
  ASSERT_TRUE(disk_.CorruptByte(path, begin + 140'000));
  ReadPinPtr pin = *Pin(bad);
  std::vector<std::byte> out(1'000);
  EXPECT_TRUE(pin->ReadBlocking(out, 0)) << "another block";
  EXPECT_EQ(CodeOf(pin->ReadBlocking(out, 131'072)), Code::kCorruption)
      << "the block is checked as a whole";
  EXPECT_EQ(CodeOf(pin->Prepare(150'000, 10)), Code::kCorruption);
  EXPECT_FALSE(pin->ReadyToSend(150'000, 10));
  EXPECT_EQ(CodeOf(Get(bad)), Code::kCorruption);
  EXPECT_EQ(*Get(good), Bytes(200'000, 1));
  std::vector<ChunkId> corrupt;
  auto read = store_->Scrub([&](ChunkId id, const Error&) { corrupt.push_back(id); }, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, 2u);
  EXPECT_EQ(corrupt, std::vector{bad});
  EXPECT_EQ(store_->Fsck({.verify_checksums = true})->corrupt, std::vector{bad});
  EXPECT_EQ(store_->Fsck({})->problem_count, 0u);
  EXPECT_GT(store_->stats().corrupt_reads, 0u);
}

TEST_F(FailureTest, ScrubKeepsItsPaceAndStops) {
  ASSERT_TRUE(Open());
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(Put(50'000, i));
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(store_->Scrub([](ChunkId, const Error&) {}, {.bytes_per_second = 2'000'000}));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(95));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(*store_->Scrub([](ChunkId, const Error&) {}, {.stop = stop.get_token()}), 0u);
}

TEST_F(FailureTest, ALostSegmentFileCostsItsChunksOnly) {
  ASSERT_TRUE(Open());
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 6; ++i) ids.push_back(*Put(100'000, i));
  ASSERT_TRUE(Open());
  std::string lost = store_->ListSegments().front().path;
  store_.reset();
  ASSERT_TRUE(disk_.Remove(lost));
  ASSERT_TRUE(Open());
  int corrupt = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto read = Get(ids[i]);
    corrupt += CodeOf(read) == Code::kCorruption ? 1 : 0;
    if (read) EXPECT_EQ(*read, Bytes(100'000, i));
  }
  EXPECT_EQ(corrupt, 2);
  EXPECT_EQ(store_->Fsck({.verify_checksums = true})->corrupt.size(), 2u);
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_TRUE(Put(10'000, 9));
}

TEST_F(FailureTest, AFileSystemWithoutHolesGetsItsSpaceBackBySegments) {
  fs_.AddFault({.ops = io::kOpPunch, .path_contains = "", .code = Code::kUnsupported});
  ASSERT_TRUE(Open());
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 6; ++i) ids.push_back(*Put(100'000, i));
  for (std::size_t i = 1; i < ids.size(); ++i) ASSERT_TRUE(Delete(ids[i]));
  ASSERT_TRUE(Open());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kActive);
  EXPECT_EQ(*Get(ids[0]), Bytes(100'000, 0));
  EXPECT_LE(AllocatedIn("/a"), AlignUp(100'000) + FilesIn("/a") * kAlignment);
  ExpectClean();
}

TEST_F(FailureTest, FsckSeesRecordsThatDisagree) {
  ASSERT_TRUE(Open());
  ChunkId id = *Put(10'000, 1);
  ASSERT_TRUE(kv_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto value, txn.Get(keys::Chunk(id)));
    FB_ASSIGN_OR_RETURN(ChunkRecord record, ChunkRecord::Decode(*value));
    txn.Erase(keys::Index(record.location));
    txn.Put(keys::Chunk({77, 1}), value.value());
    txn.Put(keys::Index({record.location.segment, 1 << 20}),
            IndexRecord{.chunk = {88, 1}, .length = 5'000}.Encode());
    txn.Put(keys::Free({record.location.segment, (1 << 20) + 4096}),
            FreeRecord{.length = 1}.Encode());
    return {};
  }));
  auto report = store_->Fsck({});
  ASSERT_TRUE(report);
  std::string all;
  for (const std::string& problem : report->problems) all += problem + "\n";
  EXPECT_NE(all.find("is not in the index"), std::string::npos) << all;
  EXPECT_NE(all.find("which has no record"), std::string::npos) << all;
  EXPECT_NE(all.find("overlap"), std::string::npos) << all;
  EXPECT_NE(all.find("live bytes"), std::string::npos) << all;
}

}  // namespace
}  // namespace forebay::chunk
