// Verified reads and sendfile, on real files.
#include "chunk/read_pin.h"

#include <unistd.h>

#include "base/temp_dir_for_test.h"
#include "chunk/segment_chunk_store.h"
#include "chunk/test_support.h"
#include "io/posix.h"
#include "kv/memory.h"

namespace forebay::chunk {
namespace {

using testing::Bytes;
using testing::CodeOf;

class ReadPinTest : public ::testing::Test {
 protected:
  ReadPinTest() {
    options_.reserve_bytes = 0;
    options_.write_threads = options_.sync_threads = 2;
    Open();
  }
  void Open() {
    store_.reset();
    auto opened = SegmentChunkStore::Open(kv_, fs_, {root_.path()}, options_, Clock::System());
    ASSERT_TRUE(opened) << opened.error().ToString();
    store_ = std::move(*opened);
  }
  ReadPinPtr Pin(ChunkId id) {
    auto pin = store_->Pin(*kv_.GetSnapshot(), id);
    EXPECT_TRUE(pin);
    return *pin;
  }

  io::PosixFileSystem fs_;
  kv::MemoryStore kv_;
  Options options_;
  TempDir root_;
  std::unique_ptr<SegmentChunkStore> store_;
};

TEST_F(ReadPinTest, ReadyToSendOnlyWhatWasVerified) {
  std::vector<std::byte> data = Bytes(300'000, 1);
  ChunkId id = *testing::Store(*store_, kv_, data);
  ReadPinPtr pin = Pin(id);
  EXPECT_FALSE(pin->ReadyToSend(0, 100));
  ASSERT_TRUE(pin->Prepare(70'000, 100));
  EXPECT_TRUE(pin->ReadyToSend(70'000, 100));
  EXPECT_TRUE(pin->ReadyToSend(65'536, 65'536)) << "the whole block was verified";
  EXPECT_FALSE(pin->ReadyToSend(65'535, 2));
  EXPECT_FALSE(pin->ReadyToSend(299'999, 2)) << "beyond the end";
  ASSERT_TRUE(pin->Prepare(0, 300'000));
  EXPECT_TRUE(Pin(id)->ReadyToSend(0, 300'000)) << "known to other pins";
  std::vector<std::byte> sent(1'000);
  ASSERT_EQ(::pread(pin->descriptor(), sent.data(), sent.size(),
                    static_cast<off_t>(pin->file_offset() + 200'000)),
            1'000);
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), data.begin() + 200'000));
}

TEST_F(ReadPinTest, BlocksAreSummedOnceInAProcess) {
  ChunkId id = *testing::Store(*store_, kv_, Bytes(300'000, 1));
  std::vector<std::byte> out(10);
  ASSERT_TRUE(Pin(id)->ReadBlocking(out, 5));
  EXPECT_EQ(store_->stats().blocks_verified, 1u);
  ASSERT_TRUE(Pin(id)->ReadBlocking(out, 60'000));
  ASSERT_TRUE(Pin(id)->Prepare(0, 65'536));
  EXPECT_EQ(store_->stats().blocks_verified, 1u);
  ASSERT_TRUE(testing::Read(*store_, kv_, id));
  EXPECT_EQ(store_->stats().blocks_verified, 5u);
}

TEST_F(ReadPinTest, DamageOnDiskIsFoundAfterARestart) {
  std::vector<std::byte> data = Bytes(300'000, 1);
  ChunkId id = *testing::Store(*store_, kv_, data);
  ReadPinPtr pin = Pin(id);
  ASSERT_TRUE(testing::Read(*pin));
  std::uint64_t at = pin->file_offset() + 100'000;
  pin.reset();
  Open();
  {
    auto file = fs_.Open(store_->ListSegments().front().path, io::OpenMode::kReadWrite);
    ASSERT_TRUE(file);
    std::byte wrong = ~data[100'000];
    ASSERT_TRUE((*file)->WriteAt({&wrong, 1}, at));
  }
  EXPECT_EQ(CodeOf(Pin(id)->Prepare(65'536, 1)), Code::kCorruption);
  EXPECT_FALSE(Pin(id)->ReadyToSend(65'536, 1));
  EXPECT_TRUE(Pin(id)->Prepare(0, 65'536));
}

TEST_F(ReadPinTest, DescriptorsStayOpenWhileThePinLives) {
  options_.open_files = 1;
  options_.segment_bytes = 64 << 10;
  Open();
  std::vector<ChunkId> ids;
  std::vector<ReadPinPtr> pins;
  for (std::uint64_t i = 0; i < 6; ++i) {
    ids.push_back(*testing::Store(*store_, kv_, Bytes(50'000, i)));
  }
  Open();
  for (ChunkId id : ids) {
    pins.push_back(Pin(id));
    ASSERT_TRUE(pins.back()->Prepare(0, 50'000));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_TRUE(pins[i]->ReadyToSend(0, 50'000));
    std::vector<std::byte> sent(50'000);
    ASSERT_EQ(::pread(pins[i]->descriptor(), sent.data(), sent.size(),
                      static_cast<off_t>(pins[i]->file_offset())),
              50'000);
    EXPECT_EQ(sent, Bytes(50'000, i));
  }
  pins.clear();
  EXPECT_FALSE(Pin(ids[0])->ReadyToSend(0, 1)) << "closed, and what was known of it forgotten";
}

}  // namespace
}  // namespace forebay::chunk
