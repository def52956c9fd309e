// What only the real file system can show.
#include "io/posix.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "base/temp_dir_for_test.h"
#include "io/posix_file.h"

namespace forebay::io {
namespace {

class PosixTest : public ::testing::Test {
 protected:
  TempDir directory_;
  PosixFileSystem fs_;
  std::string root_ = directory_.path();
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
  const bool in_memory = where.f_type == TMPFS_MAGIC;  // where files are always resident
  ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  EXPECT_EQ((*file)->Resident(0, kBytes), in_memory);
  EXPECT_EQ(internal::ResidentByReading(fd, 0, kBytes), in_memory);
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
