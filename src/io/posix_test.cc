// What only the real file system can show.
#include "io/posix.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include <filesystem>

#include "io/posix_file.h"

namespace forebay::io {
namespace {

class PosixTest : public ::testing::Test {
 protected:
  PosixTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "forebay_posix_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~PosixTest() override { std::filesystem::remove_all(root_); }
  PosixFileSystem fs_;
  std::string root_;
};

TEST_F(PosixTest, ResidencyIsSeenBothWays) {
  auto file = fs_.Open(root_ + "/a", OpenMode::kCreate);
  ASSERT_TRUE(file);
  constexpr std::uint64_t kBytes = 6 << 20;  // more than one call of the fallback can ask for
  ASSERT_TRUE((*file)->WriteAt(AsBytes(std::string(kBytes, 'x')), 0));
  ASSERT_TRUE((*file)->Sync());
  int fd = (*file)->descriptor();
  EXPECT_TRUE((*file)->Resident(0, kBytes));
  EXPECT_TRUE(internal::ResidentByReading(fd, 0, kBytes));
  EXPECT_TRUE(internal::ResidentByReading(fd, 4'095, 2));
  EXPECT_FALSE(internal::ResidentByReading(fd, kBytes - 1, 2)) << "beyond the end";
  struct statfs where{};
  ASSERT_EQ(::fstatfs(fd, &where), 0);
  if (where.f_type == TMPFS_MAGIC) GTEST_SKIP() << "files in memory are always resident";
  ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_FALSE((*file)->Resident(0, kBytes));
  EXPECT_FALSE(internal::ResidentByReading(fd, 0, kBytes));
}

TEST_F(PosixTest, ErrorsNameTheCallThePathAndTheReason) {
  auto missing = fs_.Open(root_ + "/none", OpenMode::kRead);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), "open " + root_ + "/none: No such file or directory");
  EXPECT_EQ(internal::ErrnoError("write", "/x", ENOSPC).code(), Code::kNoSpace);
  EXPECT_EQ(internal::ErrnoError("write", "/x", EDQUOT).code(), Code::kNoSpace);
  EXPECT_EQ(internal::ErrnoError("write", "/x", EIO).code(), Code::kIo);
}

TEST_F(PosixTest, LocksAreHeldAgainstOtherOpens) {
  PosixFileSystem other;
  auto lock = fs_.Lock(root_ + "/lock");
  ASSERT_TRUE(lock);
  EXPECT_EQ(other.Lock(root_ + "/lock").error().code(), Code::kLocked);
}

}  // namespace
}  // namespace forebay::io
