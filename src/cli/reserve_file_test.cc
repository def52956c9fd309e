#include "cli/reserve_file.h"

#include <sys/stat.h>

#include "cli/test_support.h"
#include "io/posix.h"

namespace forebay::cli {
namespace {

constexpr std::uint64_t kBytes = 1 << 20;

class ReserveFileTest : public testing::DirectoryTest {
 protected:
  // What the file occupies; 0 when it is not there.
  std::uint64_t Occupied() const {
    struct stat info{};
    if (::stat(path_.c_str(), &info) != 0) return 0;
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  io::PosixFileSystem fs_;
  const std::string path_ = root_ + "/RESERVE";
};

TEST_F(ReserveFileTest, TakesRoomUntilItIsGivenUp) {
  ReserveFile reserve(fs_, path_, kBytes, 0);
  EXPECT_FALSE(reserve.Release()) << "nothing yet";
  ASSERT_TRUE(reserve.Keep());
  EXPECT_GE(Occupied(), kBytes);
  ASSERT_TRUE(reserve.Keep());
  EXPECT_TRUE(reserve.Release());
  EXPECT_EQ(Occupied(), 0u);
  EXPECT_FALSE(reserve.Release());
  ASSERT_TRUE(reserve.Keep());
  EXPECT_GE(Occupied(), kBytes);
}

TEST_F(ReserveFileTest, IsNotMadeWhereRoomIsScarce) {
  ReserveFile reserve(fs_, path_, kBytes, std::uint64_t{1} << 60);
  ASSERT_TRUE(reserve.Keep());
  EXPECT_EQ(Occupied(), 0u);
}

TEST_F(ReserveFileTest, FollowsItsSize) {
  ASSERT_TRUE(ReserveFile(fs_, path_, kBytes, 0).Keep());
  ASSERT_TRUE(ReserveFile(fs_, path_, 3 * kBytes, 0).Keep());
  EXPECT_GE(Occupied(), 3 * kBytes);
  ASSERT_TRUE(ReserveFile(fs_, path_, 0, 0).Keep());
  EXPECT_EQ(Occupied(), 0u);
}

TEST_F(ReserveFileTest, ComesBackByItself) {
  ReserveFile reserve(fs_, path_, kBytes, 0);
  reserve.Start(std::chrono::milliseconds(5));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 1000 && Occupied() < kBytes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_GE(Occupied(), kBytes);
    reserve.Release();
  }
  reserve.Stop();
}

}  // namespace
}  // namespace forebay::cli
