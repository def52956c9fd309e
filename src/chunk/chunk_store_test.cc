// One suite over every ChunkStore.
#include "chunk/chunk_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <thread>

#include "base/checksum.h"
#include "chunk/memory_chunk_store.h"
#include "chunk/segment_chunk_store.h"
#include "chunk/test_support.h"
#include "io/memory.h"
#include "io/posix.h"
#include "kv/memory.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CodeOf;

struct MemoryFixture {
  kv::MemoryStore kv;
  MemoryChunkStore chunks;
  ChunkStore& store() { return chunks; }
  void Maintain() { ASSERT_TRUE(chunks.CollectGarbage(*kv.GetSnapshot())); }
};

template <class FileSystem>
struct SegmentFixture {
  SegmentFixture() {
    root = (std::filesystem::temp_directory_path() / ("forebay_chunk_" + NewName())).string();
    Options options;
    options.segment_bytes = 16 << 20;
    options.reserve_bytes = 0;
    options.write_threads = options.sync_threads = 2;
    auto opened = SegmentChunkStore::Open(kv, fs, {root}, options, Clock::System());
    EXPECT_TRUE(opened) << opened.error().ToString();
    chunks = std::move(*opened);
  }
  ~SegmentFixture() {
    chunks.reset();
    std::filesystem::remove_all(root);
  }
  static std::string NewName() { return std::to_string(std::random_device{}()); }
  kv::MemoryStore kv;
  FileSystem fs;
  std::string root;
  std::unique_ptr<SegmentChunkStore> chunks;
  ChunkStore& store() { return *chunks; }
  void Maintain() { ASSERT_TRUE(chunks->RunMaintenanceOnce()); }
};

template <class Fixture>
class ChunkStoreTest : public ::testing::Test {
 protected:
  ChunkStore& store() { return fixture_.store(); }
  kv::Store& kv() { return fixture_.kv; }
  void Maintain() { fixture_.Maintain(); }

 private:
  Fixture fixture_;
};

using Fixtures = ::testing::Types<MemoryFixture, SegmentFixture<io::MemoryFileSystem>,
                                  SegmentFixture<io::PosixFileSystem>>;
TYPED_TEST_SUITE(ChunkStoreTest, Fixtures);

TYPED_TEST(ChunkStoreTest, WhatIsStoredIsReadAtEverySize) {
  for (std::size_t n : {std::size_t{1}, std::size_t{4095}, std::size_t{4096}, 64_KiB - 1, 64_KiB,
                        64_KiB + 1, 1_MiB + 17, kMaxChunkBytes}) {
    std::vector<std::byte> data = Bytes(n, n);
    auto id = testing::Store(this->store(), this->kv(), data);
    ASSERT_TRUE(id) << id.error().ToString();
    auto read = testing::Read(this->store(), this->kv(), *id);
    ASSERT_TRUE(read) << read.error().ToString();
    EXPECT_EQ(*read, data) << n;
  }
}

TYPED_TEST(ChunkStoreTest, RefusesEmptyAndOversizedChunks) {
  EXPECT_EQ(CodeOf(testing::Write(this->store(), {})), Code::kInternal);
  std::vector<std::byte> data(kMaxChunkBytes + 1);
  EXPECT_EQ(CodeOf(testing::Write(this->store(), data)), Code::kInternal);
}

TYPED_TEST(ChunkStoreTest, StagedChunksKnowTheirChecksumAndAreDistinct) {
  std::vector<std::byte> data = Bytes(300'000, 1);
  auto a = testing::Write(this->store(), data);
  auto b = testing::Write(this->store(), data);
  ASSERT_TRUE(a && b);
  EXPECT_EQ((*a)->size(), data.size());
  EXPECT_EQ((*a)->crc64(), Crc64(data));
  EXPECT_NE((*a)->id(), (*b)->id());
  EXPECT_NE((*a)->id().session, 0u);
}

TYPED_TEST(ChunkStoreTest, ReadsRanges) {
  std::vector<std::byte> data = Bytes(200'000, 2);
  auto id = testing::Store(this->store(), this->kv(), data);
  ASSERT_TRUE(id);
  auto pin = this->store().Pin(*this->kv().GetSnapshot(), *id);
  ASSERT_TRUE(pin);
  for (auto [offset, length] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
           {0, 1}, {65'535, 2}, {65'536, 65'536}, {100'000, 100'000}, {199'999, 1}, {5, 0}}) {
    std::vector<std::byte> out(length);
    ASSERT_TRUE((*pin)->Prepare(offset, length));
    ASSERT_TRUE((*pin)->ReadBlocking(out, offset));
    EXPECT_TRUE(std::equal(out.begin(), out.end(), data.begin() + offset)) << offset;
  }
  std::vector<std::byte> out(2);
  EXPECT_EQ(CodeOf((*pin)->ReadBlocking(out, 199'999)), Code::kInternal);
  EXPECT_EQ(CodeOf((*pin)->Prepare(199'999, 2)), Code::kInternal);
}

TYPED_TEST(ChunkStoreTest, UnlinkedChunksAreGoneButPinnedOnesStayReadable) {
  std::vector<std::byte> data = Bytes(100'000, 3);
  auto id = testing::Store(this->store(), this->kv(), data);
  ASSERT_TRUE(id);
  auto pin = this->store().Pin(*this->kv().GetSnapshot(), *id);
  ASSERT_TRUE(pin);
  ASSERT_TRUE(testing::Unlink(this->store(), this->kv(), *id));
  this->Maintain();
  EXPECT_EQ(CodeOf(testing::Unlink(this->store(), this->kv(), *id)), Code::kNotFound);
  EXPECT_EQ(CodeOf(testing::Read(this->store(), this->kv(), *id)), Code::kNotFound);
  EXPECT_EQ(*testing::Read(**pin), data);
}

TYPED_TEST(ChunkStoreTest, NothingIsThereBeforeItsTransaction) {
  auto staged = testing::Write(this->store(), Bytes(1'000, 4));
  ASSERT_TRUE(staged);
  EXPECT_EQ(CodeOf(testing::Read(this->store(), this->kv(), (*staged)->id())), Code::kNotFound);
  ChunkId id = (*staged)->id();
  staged->reset();
  this->Maintain();
  EXPECT_EQ(CodeOf(testing::Read(this->store(), this->kv(), id)), Code::kNotFound);
}

TYPED_TEST(ChunkStoreTest, DroppingTheHandleOfALinkedChunkFreesNothing) {
  std::vector<std::byte> data = Bytes(50'000, 5);
  auto staged = testing::Write(this->store(), data);
  ASSERT_TRUE(staged);
  ChunkId id = (*staged)->id();
  ASSERT_TRUE(testing::Sync(this->store(), {*staged}));
  // Committed, but whoever did it went away before it could say Linked.
  ASSERT_TRUE(this->kv().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    this->store().Link(txn, **staged);
    return {};
  }));
  staged->reset();
  this->Maintain();
  auto read = testing::Read(this->store(), this->kv(), id);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, data);
}

TYPED_TEST(ChunkStoreTest, CancelledAndLateOperationsDoNothing) {
  std::stop_source stop;
  stop.request_stop();
  OpContext context;
  context.cancel = stop.get_token();
  std::vector<std::byte> data = Bytes(10, 6);
  EXPECT_EQ(CodeOf(RunSync(this->store().Write(context, data))), Code::kCancelled);
}

TYPED_TEST(ChunkStoreTest, ManyWritersAtOnce) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (std::uint64_t i = 0; i < 20; ++i) {
        std::vector<std::byte> data = Bytes(1 + (t * 37'813 + i * 91'331) % 400'000, t * 100 + i);
        auto id = testing::Store(this->store(), this->kv(), data);
        ASSERT_TRUE(id) << id.error().ToString();
        ASSERT_EQ(*testing::Read(this->store(), this->kv(), *id), data);
        if (i % 3 == 0) ASSERT_TRUE(testing::Unlink(this->store(), this->kv(), *id));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  this->Maintain();
}

}  // namespace
}  // namespace forebay::chunk
