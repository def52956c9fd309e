#include "fuse/translate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

namespace forebay::fuse {
namespace {

TEST(TranslateTest, AttributesBecomeAStat) {
  vfs::Attributes attributes;
  attributes.inode = vfs::InodeNumber(7);
  attributes.kind = vfs::FileKind::kSymlink;
  attributes.mode = 04755;
  attributes.nlink = 3;
  attributes.size = 1234;
  attributes.allocated = 513;
  attributes.mtime.ns = -1;  // a nanosecond before 1970
  const struct stat out = StatOf(attributes);
  EXPECT_EQ(out.st_ino, 7u);
  EXPECT_EQ(out.st_mode, static_cast<mode_t>(S_IFLNK | 04755));
  EXPECT_EQ(out.st_blocks, 2);
  EXPECT_EQ(out.st_mtim.tv_sec, -1);
  EXPECT_EQ(out.st_mtim.tv_nsec, 999'999'999);
}

TEST(TranslateTest, ANameThatIsNotThereHasNoNumberButAnAge) {
  vfs::Entry entry;
  entry.entry_age = std::chrono::milliseconds(1500);
  const fuse_entry_param out = EntryOf(entry);
  EXPECT_EQ(out.ino, 0u);
  EXPECT_DOUBLE_EQ(out.entry_timeout, 1.5);
}

TEST(TranslateTest, OnlyWhatIsSetChanges) {
  struct stat attributes{};
  attributes.st_mode = S_IFREG | 0640;
  attributes.st_size = 99;
  attributes.st_mtim = {.tv_sec = 2, .tv_nsec = 5};
  EXPECT_TRUE(ChangesOf(attributes, 0).Empty());
  const auto changes = ChangesOf(attributes, FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_MTIME |
                                                 FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW);
  EXPECT_EQ(changes.mode, 0640u);
  EXPECT_FALSE(changes.size);
  EXPECT_EQ(changes.mtime->ns, 2'000'000'005);
  EXPECT_TRUE(changes.atime_now);
  EXPECT_FALSE(changes.atime);
}

TEST(TranslateTest, LocksThereAndBack) {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_start = 100;
  lock.l_len = 0;
  lock.l_pid = 42;
  const auto range = LockOf(lock, 5);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->kind, vfs::LockKind::kExclusive);
  EXPECT_EQ(range->length, 0u);
  EXPECT_FALSE(range->whole_file);
  const struct flock back = FlockOf(range);
  EXPECT_EQ(back.l_type, F_WRLCK);
  EXPECT_EQ(back.l_start, 100);
  EXPECT_EQ(back.l_pid, 42);
  EXPECT_EQ(FlockOf(std::nullopt).l_type, F_UNLCK);
  lock.l_start = -1;
  EXPECT_FALSE(LockOf(lock, 5));
  EXPECT_EQ(WholeLockOf(LOCK_SH | LOCK_NB, 1)->kind, vfs::LockKind::kShared);
  EXPECT_FALSE(WholeLockOf(LOCK_MAND, 1));
}

TEST(TranslateTest, KindsOfNodes) {
  EXPECT_EQ(KindOf(S_IFIFO | 0644), vfs::FileKind::kFifo);
  EXPECT_EQ(KindOf(0644), vfs::FileKind::kFile);
  EXPECT_FALSE(KindOf(S_IFDIR));
  for (auto kind : {vfs::FileKind::kFile, vfs::FileKind::kFifo, vfs::FileKind::kSocket,
                    vfs::FileKind::kCharacterDevice, vfs::FileKind::kBlockDevice}) {
    EXPECT_EQ(KindOf(FileTypeOf(kind)), kind);
  }
}

}  // namespace
}  // namespace forebay::fuse
