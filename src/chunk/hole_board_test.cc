// Reading past the process that owns the disks, on real files.
#include "chunk/hole_board.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temp_dir_for_test.h"
#include "chunk/segment_chunk_store.h"
#include "chunk/test_support.h"
#include "io/memory.h"
#include "io/posix.h"
#include "kv/memory.h"

namespace forebay::chunk {
namespace {

class HoleBoardTest : public ::testing::Test {
 protected:
  void Open() {
    store_.reset();
    Options options;
    options.segment_bytes = 1 << 20;
    options.reserve_bytes = 0;
    options.active_segments = 1;
    auto store =
        SegmentChunkStore::Open(kv_, disk_, {directory_.path() + "/a"}, options, Clock::System());
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }
  std::optional<LocalPlace> PlaceOf(ChunkId id) {
    const auto pin = store_->Pin(*kv_.GetSnapshot(), id);
    EXPECT_TRUE(pin);
    if (!pin || !(*pin)->Prepare(0, (*pin)->size())) return std::nullopt;
    offset_ = (*pin)->file_offset();
    return (*pin)->Local();
  }
  // The counter, as another process sees it.
  static std::uint64_t CountOf(const LocalPlace& place) {
    const int fd = ::open(place.board.c_str(), O_RDONLY);
    std::uint64_t count = UINT64_MAX;
    EXPECT_EQ(::pread(fd, &count, sizeof count, static_cast<off_t>(place.slot * sizeof count)),
              static_cast<ssize_t>(sizeof count));
    ::close(fd);
    return count;
  }

  TempDir directory_;
  io::PosixFileSystem disk_;
  kv::MemoryStore kv_;
  std::uint64_t offset_ = 0;
  std::unique_ptr<SegmentChunkStore> store_;
};

TEST_F(HoleBoardTest, APlaceCanBeReadAndItsCounterMovesBeforeTheHole) {
  Open();
  ASSERT_FALSE(HasFailure());
  const auto data = testing::Bytes(100'000, 1);
  const auto id = testing::Store(*store_, kv_, data);
  ASSERT_TRUE(id);
  const auto place = PlaceOf(*id);
  ASSERT_TRUE(place);
  EXPECT_EQ(CountOf(*place), place->count);
  const int fd = ::open(place->path.c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  struct stat status{};
  ASSERT_EQ(::fstat(fd, &status), 0);
  EXPECT_EQ(status.st_dev, place->device);
  EXPECT_EQ(status.st_ino, place->inode);
  std::vector<std::byte> read(data.size());
  const auto at = static_cast<off_t>(offset_);
  ASSERT_EQ(::pread(fd, read.data(), read.size(), at), static_cast<ssize_t>(read.size()));
  EXPECT_EQ(read, data);

  ASSERT_TRUE(testing::Unlink(*store_, kv_, *id));
  EXPECT_EQ(CountOf(*place), place->count) << "nothing was given back yet";
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  ASSERT_EQ(::pread(fd, read.data(), read.size(), at), static_cast<ssize_t>(read.size()));
  ::close(fd);
  EXPECT_EQ(read, std::vector<std::byte>(data.size())) << "the test needs a hole";
  EXPECT_GT(CountOf(*place), place->count);
}

TEST_F(HoleBoardTest, CountersGoOnOverARestart) {
  Open();
  ASSERT_FALSE(HasFailure());
  const auto first = testing::Store(*store_, kv_, testing::Bytes(5000, 1));
  const auto second = testing::Store(*store_, kv_, testing::Bytes(5000, 2));
  ASSERT_TRUE(first && second);
  const auto before = PlaceOf(*second);
  ASSERT_TRUE(testing::Unlink(*store_, kv_, *first));
  ASSERT_TRUE(store_->RunMaintenanceOnce());
  const std::uint64_t count = CountOf(*before);
  Open();
  const auto after = PlaceOf(*second);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(after->count, count);
  EXPECT_EQ(after->path, before->path);
}

TEST(HoleBoardInMemoryTest, FilesWithoutDescriptorsHaveNone) {
  io::MemoryFileSystem disk;
  ASSERT_TRUE(disk.MakeDirs("/a"));
  EXPECT_EQ(HoleBoard::Open(disk, "/a/HOLES"), nullptr);
}

}  // namespace
}  // namespace forebay::chunk
