// What a mount must do over a Remote of one kind: names that move are a hierarchical one's. A part
// of contract_suite.h, which has the fixture; a program instantiates each suite over what is of its
// kind (MakersOfKind).
#pragma once

#include <string>
#include <vector>

#include "vfs/contract_suite.h"

namespace forebay::vfs {

inline std::vector<VfsMaker> MakersOfKind(bool hierarchical, std::vector<VfsMaker> makers) {
  std::erase_if(makers, [&](const VfsMaker& maker) { return maker.hierarchical != hierarchical; });
  return makers;
}

class FlatVfsContract : public VfsContract {};
class HierarchicalVfsContract : public VfsContract {};

TEST_P(FlatVfsContract, NamesCannotBeMoved) {
  EXPECT_FALSE(traits().hierarchical);
  VFS_OK(mount().Put("file", "one"));
  VFS_ERRNO(mount().Rename("file", "other"), EOPNOTSUPP);
  EXPECT_EQ(*mount().Get("file"), "one");
  VFS_ERRNO(mount().Walk("other"), ENOENT);
}

TEST_P(HierarchicalVfsContract, NamesThatAreHardMove) {
  EXPECT_TRUE(traits().hierarchical);
  for (const std::string& name : HardNames()) {
    VFS_OK(mount().Put(name, name));
    VFS_OK(mount().Rename(name, "renamed"));
    EXPECT_EQ(*other().Get("renamed"), name);
    VFS_OK(mount().Rename("renamed", name));
    VFS_OK(mount().Unlink(name));
  }
}

TEST_P(HierarchicalVfsContract, RenamesReplaceOrRefuse) {
  VFS_OK(mount().MakeDir("a"));
  VFS_OK(mount().MakeDir("b"));
  VFS_OK(mount().Put("a/file", "one"));
  VFS_OK(mount().Put("b/file", "two"));
  const InodeNumber inode = *mount().Inode("a/file");
  VFS_OK(mount().Rename("a/file", "b/file"));
  EXPECT_EQ(*mount().Get("b/file"), "one");
  EXPECT_EQ(*mount().Inode("b/file"), inode);
  VFS_ERRNO(mount().Walk("a/file"), ENOENT);
  EXPECT_EQ(*other().Get("b/file"), "one");
  VFS_ERRNO(mount().Rename("nothing", "b/x"), ENOENT);
  // Directories, with all that is below them.
  VFS_OK(mount().MakeDir("b/sub"));
  VFS_OK(mount().Put("b/sub/deep", "deep"));
  VFS_OK(mount().Rename("b", "a/b"));
  EXPECT_EQ(*mount().Get("a/b/sub/deep"), "deep");
  EXPECT_EQ(*mount().Get("a/b/file"), "one");
  EXPECT_EQ(*other().Get("a/b/sub/deep"), "deep");
  VFS_ERRNO(mount().Rename("a", "a/b/sub/c"), EINVAL);
  // Over an empty directory, not over a full one; not across kinds.
  VFS_OK(mount().MakeDir("empty"));
  VFS_OK(mount().MakeDir("full"));
  VFS_OK(mount().Put("full/x", ""));
  VFS_ERRNO(mount().Rename("a/b", "full"), ENOTEMPTY);
  VFS_OK(mount().Rename("a/b", "empty"));
  EXPECT_EQ(*mount().Get("empty/sub/deep"), "deep");
  VFS_ERRNO(mount().Rename("full/x", "empty"), EISDIR);
  VFS_ERRNO(mount().Rename("empty", "full/x"), ENOTDIR);
}

TEST_P(HierarchicalVfsContract, AnOpenFileSurvivesItsName) {
  VFS_OK(mount().Put("file", "still here"));
  const auto handle = mount().Open("file", O_RDWR);
  VFS_OK(handle);
  VFS_OK(mount().Unlink("file"));
  VFS_ERRNO(mount().Walk("file"), ENOENT);
  VFS_ERRNO(other().Walk("file"), ENOENT);
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), "still here");
  VFS_OK(mount().WriteAt(*handle, 6, "there"));
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), "still there");
  EXPECT_TRUE(mount().List("")->empty());
  VFS_OK(mount().Put("file", "another"));
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), "still there");
  VFS_OK(mount().CloseHandle(*handle));
  EXPECT_EQ(*mount().Get("file"), "another");
  VFS_OK(mount().Unlink("file"));
  EXPECT_TRUE(mount().List("")->empty());
}

TEST_P(HierarchicalVfsContract, AnOpenFileFollowsItsName) {
  VFS_OK(mount().MakeDir("d"));
  const auto handle = mount().Create("d/file");
  VFS_OK(handle);
  VFS_OK(mount().WriteAt(*handle, 0, "one"));
  VFS_OK(mount().Rename("d", "e"));
  VFS_OK(mount().WriteAt(*handle, 3, "two"));
  VFS_OK(mount().Rename("e/file", "f"));
  VFS_OK(mount().WriteAt(*handle, 6, "three"));
  VFS_OK(mount().CloseHandle(*handle));
  EXPECT_EQ(*other().Get("f"), "onetwothree");
}

}  // namespace forebay::vfs
