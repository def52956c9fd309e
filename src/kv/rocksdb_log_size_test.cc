#include "kv/rocksdb_log_size.h"

#include <gtest/gtest.h>

#include "io/memory.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {
namespace {

class LogSizeTest : public ::testing::Test {
 protected:
  LogSizeTest() { EXPECT_TRUE(memory_.MakeDirs("/kv")); }
  std::unique_ptr<rocksdb::FSWritableFile> Make(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(metered_->NewWritableFile(path, {}, &file, nullptr).ok());
    return file;
  }
  static void Write(rocksdb::FSWritableFile& file, std::size_t bytes) {
    EXPECT_TRUE(file.Append(std::string(bytes, 'x'), {}, nullptr).ok());
  }
  void Delete(const std::string& path) {
    EXPECT_TRUE(metered_->DeleteFile(path, {}, nullptr).ok());
  }

  io::MemoryFileSystem memory_;
  std::shared_ptr<LogSize> size_ = std::make_shared<LogSize>("/kv/");
  std::shared_ptr<rocksdb::FileSystem> metered_ = MakeLogMeter(MakeRocksFileSystem(memory_), size_);
};

TEST_F(LogSizeTest, CountsWhatIsWrittenAndRemoved) {
  auto first = Make("/kv/000001.log");
  Write(*first, 100);
  Write(*first, 11);
  auto second = Make("/kv/000002.log");
  EXPECT_TRUE(
      second->Append(std::string(5, 'x'), {}, rocksdb::DataVerificationInfo(), nullptr).ok());
  EXPECT_EQ(size_->bytes(), 116u);
  Delete("/kv/000001.log");
  EXPECT_EQ(size_->bytes(), 5u);
  Make("/kv/000002.log");
  EXPECT_EQ(size_->bytes(), 0u) << "it begins anew";
}

TEST_F(LogSizeTest, CountsOfThisStoreAndOfLogsOnly) {
  ASSERT_TRUE(memory_.MakeDirs("/kv/backup"));
  for (const char* path : {"/kv/000001.sst", "/kv/LOG", "/kv/backup/000001.log"}) {
    Write(*Make(path), 100);
    Delete(path);
  }
  EXPECT_EQ(size_->bytes(), 0u);
  Write(*Make("/kv//000001.log"), 7);
  EXPECT_EQ(size_->bytes(), 7u);
  Delete("/kv/000001.log");
  EXPECT_EQ(size_->bytes(), 0u);
}

TEST_F(LogSizeTest, FindsWhatLiesThere) {
  LogSize nowhere("/none");
  EXPECT_TRUE(nowhere.Find(*metered_));
  EXPECT_EQ(nowhere.bytes(), 0u);
  Write(*Make("/kv/000001.log"), 100);
  Write(*Make("/kv/000002.log"), 20);
  Write(*Make("/kv/000003.sst"), 3);
  LogSize found("/kv");
  ASSERT_TRUE(found.Find(*metered_));
  EXPECT_EQ(found.bytes(), 120u);
  found.Gone("/kv/000001.log");
  found.Gone("/kv/000001.log");
  EXPECT_EQ(found.bytes(), 20u);
}

TEST_F(LogSizeTest, WhatWasNotWrittenOrRemovedIsNotCounted) {
  auto log = Make("/kv/000001.log");
  memory_.SetCapacity(10);
  EXPECT_FALSE(log->Append(std::string(100'000, 'x'), {}, nullptr).ok());
  EXPECT_EQ(size_->bytes(), 0u);
  memory_.SetCapacity(1 << 20);
  Write(*log, 4);
  EXPECT_FALSE(metered_->DeleteFile("/kv/000002.log", {}, nullptr).ok());
  EXPECT_EQ(size_->bytes(), 4u);
}

}  // namespace
}  // namespace forebay::kv
