#include "fuse/mount_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace forebay::fuse {
namespace {

TEST(MountTableTest, LinesOfMountinfo) {
  const auto entries = ParseMountInfo(
      "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
      "garbage\n"
      "77 22 0:48 / /mnt/with\\040space rw,nosuid - fuse.forebay http://h/a/c rw,user_id=0\n"
      "78 22 0:49 / /mnt/x rw master:1 propagate_from:2 - tmpfs tmpfs rw\n");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].major, 254u);
  EXPECT_EQ(entries[1].mount_point, "/mnt/with space");
  EXPECT_EQ(entries[1].type, kFileSystemType);
  EXPECT_EQ(entries[1].minor, 48u);
  EXPECT_EQ(entries[1].source, "http://h/a/c");
  EXPECT_EQ(entries[2].type, "tmpfs");
}

TEST(MountTableTest, TheRootIsMountedAndAFolderIsNot) {
  auto root = FindMount("/");
  ASSERT_TRUE(root.has_value());
  EXPECT_TRUE(root->has_value());
  auto none = FindMount("/nothing/is/mounted/here");
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->has_value());
}

TEST(MountTableTest, PlacesAreResolvedButForTheLastName) {
  const auto base = std::filesystem::canonical(std::filesystem::temp_directory_path()) /
                    ("mount-table-" + std::to_string(::getpid()));
  std::filesystem::create_directories(base / "real" / "place");
  std::filesystem::create_symlink(base / "real", base / "link");
  std::filesystem::create_symlink("real/place", base / "direct");
  EXPECT_EQ(*ResolveMountPoint(base / "link" / "place" / ""), base / "real" / "place");
  EXPECT_EQ(*ResolveMountPoint(base / "direct"), base / "real" / "place");
  EXPECT_EQ(*ResolveMountPoint(base / "real" / "later"), base / "real" / "later");
  EXPECT_EQ(*ResolveMountPoint(base / "real" / "place" / ".."), base / "real");
  EXPECT_FALSE(ResolveMountPoint(base / "absent" / "place").has_value());
  std::filesystem::remove_all(base);
}

TEST(MountTableTest, AFolderIsNoDeadMountAndCannotBeUnmounted) {
  EXPECT_FALSE(IsDeadMount("/"));
  EXPECT_FALSE(Unmount("/nothing/is/mounted/here", UnmountMode::kPlain).has_value());
}

}  // namespace
}  // namespace forebay::fuse
