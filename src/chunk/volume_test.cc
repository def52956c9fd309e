// Data directories that move, vanish, belong to others, are drained and removed.
#include "chunk/store_fixture.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CodeOf;

using VolumeTest = testing::SegmentStoreTest;

TEST_F(VolumeTest, ChunksSpreadOverDirectories) {
  ASSERT_TRUE(Open({"/a", "/b", "/c"}));
  for (std::uint64_t i = 0; i < 12; ++i) ASSERT_TRUE(Put(10'000, i));
  for (const std::string& path : {"/a", "/b", "/c"}) {
    EXPECT_GE(StatusOf(path).live_bytes, 2 * AlignUp(10'000)) << path;
  }
}

TEST_F(VolumeTest, OrderAndPathsMayChange) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 6; ++i) ids.push_back(*Put(10'000, i));
  std::string uuid_a = StatusOf("/a").uuid;
  ASSERT_TRUE(Open({"/b", "/a"}));
  EXPECT_EQ(StatusOf("/a").uuid, uuid_a);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(10'000, i));
  // The disk is mounted elsewhere now.
  store_.reset();
  ASSERT_TRUE(disk_.MakeDirs("/moved/segments"));
  ASSERT_TRUE(disk_.Rename("/a/VOLUME", "/moved/VOLUME"));
  for (const io::DirEntry& entry : *disk_.List("/a/segments")) {
    ASSERT_TRUE(disk_.Rename("/a/segments/" + entry.name, "/moved/segments/" + entry.name));
  }
  ASSERT_TRUE(Open({"/moved", "/b"}));
  EXPECT_EQ(StatusOf("/moved").uuid, uuid_a);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(10'000, i));
}

TEST_F(VolumeTest, AMissingDirectoryIsAnErrorUnlessAllowed) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 6; ++i) ids.push_back(*Put(10'000, i));
  EXPECT_EQ(CodeOf(Open({"/a"})), Code::kVolumeFailed);
  options_.allow_missing_volumes = true;
  ASSERT_TRUE(Open({"/a"}));
  EXPECT_EQ(StatusOf("/b").state, VolumeState::kMissing);
  int missing = 0;
  for (ChunkId id : ids) missing += CodeOf(Get(id)) == Code::kVolumeFailed ? 1 : 0;
  EXPECT_GT(missing, 0);
  EXPECT_LT(missing, 6);
  ASSERT_TRUE(Put(10'000, 9));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  ASSERT_TRUE(Open({"/a", "/b"}));
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(10'000, i));
}

TEST_F(VolumeTest, AnEmptyMountPointIsNotTakenForANewVolume) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  store_.reset();
  ASSERT_TRUE(disk_.Remove("/b/VOLUME"));
  auto opened = Open({"/a", "/b"});
  ASSERT_EQ(CodeOf(opened), Code::kVolumeFailed);
  EXPECT_NE(opened.error().message().find("mounted"), std::string::npos);
  options_.allow_missing_volumes = true;
  ASSERT_TRUE(Open({"/a", "/b"}));
  EXPECT_EQ(StatusOf("/b").state, VolumeState::kMissing);
  EXPECT_FALSE(*disk_.Exists("/b/VOLUME"));
}

TEST_F(VolumeTest, AnotherStoresDirectoryIsRefused) {
  ASSERT_TRUE(Open({"/a"}));
  kv::MemoryStore other_kv;
  store_.reset();
  auto other = SegmentChunkStore::Open(other_kv, fs_, {"/a"}, options_, Clock::System());
  EXPECT_EQ(CodeOf(other), Code::kInvalidConfig);
  ASSERT_TRUE(io::WriteFileAtomically(disk_, "/a/VOLUME", "something else\n"));
  EXPECT_EQ(CodeOf(Open({"/a"})), Code::kInvalidConfig);
}

TEST_F(VolumeTest, ADirectoryInUseIsLocked) {
  ASSERT_TRUE(Open({"/a"}));
  auto second = SegmentChunkStore::Open(kv_, fs_, {"/a"}, options_, Clock::System());
  EXPECT_EQ(CodeOf(second), Code::kLocked);
}

TEST_F(VolumeTest, DrainingMovesEverythingAndThenItCanBeRemoved) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 20; ++i) ids.push_back(*Put(40'000, i));
  std::string uuid = StatusOf("/a").uuid;
  EXPECT_EQ(CodeOf(store_->RemoveVolume(uuid)), Code::kBusy);
  ASSERT_TRUE(store_->DrainVolume(uuid));
  EXPECT_EQ(CodeOf(store_->RemoveVolume(uuid)), Code::kBusy);
  ASSERT_TRUE(Put(10'000, 50));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(StatusOf("/a").segments, 0u);
  EXPECT_EQ(FilesIn("/a"), 0u);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(40'000, i));
  ASSERT_TRUE(store_->RemoveVolume(uuid));
  ExpectClean();
  ASSERT_TRUE(Open({"/b"})) << "it is not missed";
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(*Get(ids[i]), Bytes(40'000, i));
  ASSERT_TRUE(Open({"/b", "/a"})) << "and the directory may be used again, as a new volume";
  EXPECT_NE(StatusOf("/a").uuid, uuid);
}

TEST_F(VolumeTest, DrainingSurvivesARestart) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  ASSERT_TRUE(Put(10'000, 1));
  ASSERT_TRUE(Put(10'000, 2));
  ASSERT_TRUE(store_->DrainVolume(StatusOf("/a").uuid));
  ASSERT_TRUE(Open({"/a", "/b"}));
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kDraining);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(StatusOf("/a").live_bytes, 0u);
  EXPECT_EQ(CodeOf(store_->DrainVolume("no-such-volume")), Code::kNotFound);
}

TEST_F(VolumeTest, ADrainCanBeTakenBack) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  for (std::uint64_t i = 0; i < 8; ++i) ASSERT_TRUE(Put(40'000, i));
  std::string uuid = StatusOf("/a").uuid;
  ASSERT_TRUE(store_->DrainVolume(uuid));
  ASSERT_TRUE(store_->ActivateVolume(uuid));
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kActive);
  std::uint64_t live = StatusOf("/a").live_bytes;
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(StatusOf("/a").live_bytes, live) << "nothing is moved away any more";
  for (std::uint64_t i = 0; i < 8; ++i) ASSERT_TRUE(Put(40'000, 10 + i));
  EXPECT_GT(StatusOf("/a").live_bytes, live) << "and it is written again";
  ASSERT_TRUE(Open({"/a", "/b"}));
  EXPECT_EQ(StatusOf("/a").state, VolumeState::kActive);
  EXPECT_EQ(CodeOf(store_->ActivateVolume("no-such-volume")), Code::kNotFound);
}

TEST_F(VolumeTest, WhatWaitsToBeFreedIsCounted) {
  ASSERT_TRUE(Open({"/a"}));
  ChunkId first = *Put(10'000, 1), second = *Put(5'000, 2);
  EXPECT_EQ(store_->Freeing()->chunks, 0u);
  auto backup = store_->PinForBackup();
  ASSERT_TRUE(Delete(first));
  ASSERT_TRUE(Delete(second));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->Freeing()->chunks, 2u);
  EXPECT_EQ(store_->Freeing()->bytes, AlignUp(10'000) + AlignUp(5'000));
  EXPECT_GE(StatusOf("/a").segment_bytes, AlignUp(10'000) + AlignUp(5'000));
  backup.reset();
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  EXPECT_EQ(store_->Freeing()->chunks, 0u);
}

TEST_F(VolumeTest, AVolumeGivenUpByForceIsNotMissed) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  std::vector<ChunkId> ids;
  for (std::uint64_t i = 0; i < 6; ++i) ids.push_back(*Put(10'000, i));
  ASSERT_TRUE(store_->RemoveVolume(StatusOf("/b").uuid, true));
  ASSERT_TRUE(Open({"/a"}));
  EXPECT_EQ(StatusOf("/b").state, VolumeState::kLost);
  int lost = 0;
  for (ChunkId id : ids) lost += CodeOf(Get(id)) == Code::kVolumeFailed ? 1 : 0;
  EXPECT_GT(lost, 0);
  EXPECT_LT(lost, 6);
}

}  // namespace
}  // namespace forebay::chunk
