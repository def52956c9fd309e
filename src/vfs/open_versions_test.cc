// Open files that keep their version, through the file system: who opens, looks and locks
// meanwhile.
#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "vfs/buffered_files.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

struct Machine {
  explicit Machine(MemoryServer& server)
      : remote(server),
        files(remote, *RunSync(remote.Probe({})), loops, {}),
        mount(remote, files) {}
  ~Machine() { (void)RunSync(files.Stop()); }
  MemoryRemote remote;
  Loops loops{2};
  BufferedFiles files;
  MountForTest mount;
};

class OpenVersionsTest : public testing::Test {
 protected:
  // Opens as a kernel does that still believes the name: ESTALE makes it look again.
  HandleId OpenAgain(InodeNumber believed, int flags = O_RDONLY) {
    auto open = RunSync(there_.mount.fs().Open({}, believed, flags));
    if (open) return open->handle;
    EXPECT_EQ(open.error().code(), Code::kFileGone);
    const auto handle = there_.mount.Open("f", flags);
    EXPECT_TRUE(handle) << handle.error().ToString();
    return *handle;
  }
  // The same, and reads what is there now, which is all of `text`.
  HandleId Reading(InodeNumber believed, std::string_view text) {
    const HandleId handle = OpenAgain(believed);
    EXPECT_EQ(*there_.mount.ReadAt(handle, 0, 100), text);
    return handle;
  }
  // A file of which one version is open there when the next one is put here.
  struct Old {
    InodeNumber inode;
    HandleId handle;
  };
  Old OpenOld(const std::string& text, const std::string& newer) {
    EXPECT_TRUE(here_.mount.Put("f", text));
    const InodeNumber inode = *there_.mount.Inode("f");
    const HandleId handle = Reading(inode, text);
    EXPECT_TRUE(here_.mount.Put("f", newer));
    return {inode, handle};
  }
  MemoryServer server_;
  Machine here_{server_}, there_{server_};
};

TEST_F(OpenVersionsTest, WhoOpensLaterSeesTheNewerVersionWhileTheOlderIsRead) {
  ASSERT_TRUE(here_.mount.Put("f", "the first version"));
  const Attributes first = *there_.mount.Walk("f");
  const HandleId old = OpenAgain(first.inode);
  EXPECT_EQ(*there_.mount.ReadAt(old, 0, 9), "the first");
  ASSERT_TRUE(here_.mount.Put("f", "the second, which is longer"));
  const HandleId young = OpenAgain(first.inode);
  EXPECT_EQ(*there_.mount.ReadAt(young, 0, 100), "the second, which is longer");
  EXPECT_EQ(*there_.mount.ReadAt(old, 0, 100), "the first version");

  // Two inodes to the kernel, one file to programs.
  const Attributes second = *there_.mount.Walk("f");
  EXPECT_NE(second.inode, first.inode);
  EXPECT_EQ(second.shown, first.inode);
  EXPECT_EQ(second.size, 27u);
  const auto of_old = RunSync(there_.mount.fs().GetAttributes({}, first.inode));
  ASSERT_TRUE(of_old) << of_old.error().ToString();
  EXPECT_EQ(of_old->attributes.size, 17u);
  EXPECT_EQ((*there_.mount.List(""))["f"].shown, first.inode);

  ASSERT_TRUE(here_.mount.Put("f", "third"));
  const HandleId youngest = OpenAgain(second.inode);
  EXPECT_EQ(*there_.mount.ReadAt(youngest, 0, 100), "third");
  EXPECT_EQ(*there_.mount.ReadAt(young, 4, 6), "second");
  EXPECT_EQ(*there_.mount.ReadAt(old, 4, 5), "first");
  for (const HandleId handle : {old, young, youngest}) {
    EXPECT_TRUE(there_.mount.CloseHandle(handle));
  }
  EXPECT_EQ(*there_.mount.Get("f"), "third");
}

TEST_F(OpenVersionsTest, NothingIsLeftOfOldVersionsWhenTheyAreForgotten) {
  const auto [first, old] = OpenOld("one", "two");
  const HandleId young = Reading(first, "two");
  EXPECT_EQ(there_.mount.fs().counts().inodes, 3u);
  EXPECT_TRUE(there_.mount.CloseHandle(old));
  there_.mount.fs().Forget(first, 1000);
  EXPECT_EQ(there_.mount.fs().counts().inodes, 2u);
  EXPECT_TRUE(there_.mount.CloseHandle(young));
  EXPECT_EQ(*there_.mount.Get("f"), "two");
}

TEST_F(OpenVersionsTest, ChangesByNameMeetTheNewerVersion) {
  const auto [first, old] = OpenOld("version one", "version two");
  const HandleId writer = OpenAgain(first, O_RDWR);
  ASSERT_TRUE(there_.mount.WriteAt(writer, 8, "2!!"));
  ASSERT_TRUE(there_.mount.CloseHandle(writer));
  EXPECT_EQ(*here_.mount.Get("f"), "version 2!!");
  AttributeChanges cut;
  cut.size = 3;
  EXPECT_EQ(RunSync(there_.mount.fs().SetAttributes({}, first, cut)).error().code(),
            Code::kFileGone);
  EXPECT_EQ(*there_.mount.ReadAt(old, 0, 100), "version one");
  ASSERT_TRUE(there_.mount.Rename("f", "g"));
  EXPECT_EQ(*there_.mount.ReadAt(old, 0, 100), "version one");
  EXPECT_EQ(*there_.mount.Get("g"), "version 2!!");
}

TEST_F(OpenVersionsTest, ALockBringsTheNewestVersion) {
  ASSERT_TRUE(here_.mount.Put("f", "version one"));
  const HandleId handle = *there_.mount.Open("f");
  EXPECT_EQ(*there_.mount.ReadAt(handle, 0, 100), "version one");
  ASSERT_TRUE(here_.mount.Put("f", "another"));
  LockRange range;
  range.owner = LockOwner(5);
  range.kind = LockKind::kShared;
  ASSERT_TRUE(RunSync(there_.mount.fs().Lock({}, handle, range, false)));
  EXPECT_EQ(*there_.mount.ReadAt(handle, 0, 100), "another");
  EXPECT_TRUE(there_.mount.CloseHandle(handle));
}

TEST_F(OpenVersionsTest, AFileThatGrowsIsFollowed) {
  ASSERT_TRUE(here_.mount.Put("f", "line 1\n"));
  const HandleId tail = *there_.mount.Open("f");
  EXPECT_EQ(*there_.mount.ReadAt(tail, 0, 100), "line 1\n");
  const HandleId log = *here_.mount.Open("f", O_WRONLY | O_APPEND);
  ASSERT_TRUE(here_.mount.WriteAt(log, 0, "line 2\n"));
  ASSERT_TRUE(here_.mount.CloseHandle(log));
  // Another open, as fstat would, finds out.
  EXPECT_EQ(*there_.mount.Get("f"), "line 1\nline 2\n");
  EXPECT_EQ(*there_.mount.ReadAt(tail, 7, 100), "line 2\n");
  EXPECT_TRUE(there_.mount.CloseHandle(tail));
}

}  // namespace
}  // namespace forebay::vfs
