#include "kv/rocksdb_room.h"

#include <gtest/gtest.h>

#include "io/memory.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {
namespace {

constexpr std::uint64_t kLine = 1 << 20;

// Has the room that a test says, and counts what is asked to be set aside.
class Disk final : public rocksdb::FileSystemWrapper {
 public:
  explicit Disk(io::FileSystem& base) : FileSystemWrapper(MakeRocksFileSystem(base)) {}
  const char* Name() const override { return "Disk"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, std::uint64_t* out,
                                 rocksdb::IODebugContext*) override {
    *out = free_bytes;
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* dbg) override {
    auto status = target()->NewWritableFile(name, options, out, dbg);
    if (status.ok()) *out = std::make_unique<File>(std::move(*out), *this);
    return status;
  }

  std::uint64_t free_bytes = 100 * kLine;
  int set_aside = 0;

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, Disk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    void PrepareWrite(std::size_t, std::size_t, const rocksdb::IOOptions&,
                      rocksdb::IODebugContext*) override {
      ++disk_.set_aside;
    }

   private:
    Disk& disk_;
  };
};

class RoomTest : public ::testing::Test {
 protected:
  RoomTest() { EXPECT_TRUE(memory_.MakeDirs("/kv")); }
  std::unique_ptr<rocksdb::FSWritableFile> Make(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(guard_.file_system->NewWritableFile(path, {}, &file, nullptr).ok());
    return file;
  }
  static rocksdb::IOStatus Write(rocksdb::FSWritableFile& file, std::size_t bytes) {
    return file.Append(std::string(bytes, 'x'), {}, nullptr);
  }

  io::MemoryFileSystem memory_;
  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>(memory_);
  std::shared_ptr<Room> room_ = std::make_shared<Room>(disk_, "/kv", kLine);
  RoomGuard guard_ = MakeRoomGuard(disk_, room_);
};

TEST_F(RoomTest, TellsWhetherRoomIsScarce) {
  disk_->free_bytes = 8 * kLine;
  EXPECT_EQ(*room_->Look(), 8 * kLine);
  EXPECT_FALSE(room_->scarce());
  disk_->free_bytes = 8 * kLine - 1;
  ASSERT_TRUE(room_->Look());
  EXPECT_TRUE(room_->scarce());
  disk_->free_bytes = 8 * kLine;
  EXPECT_TRUE(room_->scarce()) << "as of the last look";
  ASSERT_TRUE(room_->Look());
  EXPECT_FALSE(room_->scarce());
}

TEST_F(RoomTest, WhatMayBeMovedLeavesTwoLines) {
  EXPECT_EQ(room_->MovableBytes(4 * kLine), kLine);
  EXPECT_EQ(room_->MovableBytes(2 * kLine), 0u);
  EXPECT_EQ(room_->MovableBytes(0), 0u);
  const Room without(disk_, "/kv", 0);
  EXPECT_EQ(without.MovableBytes(100), 50u);
}

TEST_F(RoomTest, OnlyCompactionsEndAtTheLine) {
  rocksdb::TableFileCreationBriefInfo table;
  table.file_path = "/kv/1.sst";
  table.reason = rocksdb::TableFileCreationReason::kCompaction;
  guard_.listener->OnTableFileCreationStarted(table);
  table.file_path = "/kv/2.sst";
  table.reason = rocksdb::TableFileCreationReason::kFlush;
  guard_.listener->OnTableFileCreationStarted(table);
  auto merged = Make("/kv/1.sst");
  auto flushed = Make("/kv/2.sst");
  auto moved = Make("/kv/3.blob");
  // RocksDB may tell of a blob file after it was made.
  guard_.listener->OnBlobFileCreationStarted(
      {"db", "inline", "/kv/3.blob", 1, rocksdb::BlobFileCreationReason::kCompaction});
  auto log = Make("/kv/4.log");
  disk_->free_bytes = kLine + 99;
  EXPECT_TRUE(Write(*merged, 100).IsNoSpace());
  EXPECT_TRUE(Write(*moved, 100).IsNoSpace());
  EXPECT_TRUE(Write(*flushed, 100).ok());
  EXPECT_TRUE(Write(*log, 100).ok());
}

TEST_F(RoomTest, ACompactionThatRunsIsStoppedToo) {
  rocksdb::TableFileCreationBriefInfo table;
  table.file_path = "/kv/1.sst";
  table.reason = rocksdb::TableFileCreationReason::kCompaction;
  guard_.listener->OnTableFileCreationStarted(table);
  auto merged = Make("/kv/1.sst");
  ASSERT_TRUE(Write(*merged, 1000).ok());
  disk_->free_bytes = kLine;
  int more = 0;
  while (more < 100 && Write(*merged, 32 << 10).ok()) ++more;
  EXPECT_LE(more, 9) << "seen after a few hundred KiB";
}

TEST_F(RoomTest, NothingIsSetAsideUnlessRoomIsAmple) {
  auto log = Make("/kv/4.log");
  log->PrepareWrite(0, 100, {}, nullptr);
  EXPECT_EQ(disk_->set_aside, 0) << "nobody looked";
  disk_->free_bytes = 32 * kLine;
  ASSERT_TRUE(room_->Look());
  log->PrepareWrite(0, 100, {}, nullptr);
  EXPECT_EQ(disk_->set_aside, 1);
  disk_->free_bytes = 32 * kLine - 1;
  ASSERT_TRUE(room_->Look());
  log->PrepareWrite(100, 100, {}, nullptr);
  EXPECT_EQ(disk_->set_aside, 1);
}

}  // namespace
}  // namespace forebay::kv
