// What becomes of attributes beside what the contract says (contract_suite.h).
#include <gtest/gtest.h>

#include <thread>

#include "vfs/buffered_files.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

class AttributesTest : public testing::Test {
 protected:
  void SetMode(std::uint32_t mode) {
    AttributeChanges changes;
    changes.mode = mode;
    ASSERT_TRUE(RunSync(mount_.fs().SetAttributes({}, *mount_.Inode("file"), changes)));
  }
  std::uint32_t Mode() { return mount_.Walk("file")->mode; }
  void Write(bool unprivileged) {
    const HandleId handle = *mount_.Open("file", O_WRONLY);
    const auto done = RunSync(mount_.fs().Write({}, handle, 0, AsBytes("x"), unprivileged));
    ASSERT_TRUE(done) << done.error().ToString();
    ASSERT_TRUE(mount_.CloseHandle(handle));
  }

  MemoryServer server_;
  MemoryRemote remote_{server_};
  MountForTest mount_{remote_};
};

TEST_F(AttributesTest, SetUserIdEndsWhenSomebodyElseWrites) {
  ASSERT_TRUE(mount_.Put("file", "program"));
  SetMode(06775);
  Write(/*unprivileged=*/false);
  EXPECT_EQ(Mode(), 06775u);
  Write(/*unprivileged=*/true);
  EXPECT_EQ(Mode(), 0775u);
  SetMode(06765);
  Write(/*unprivileged=*/true);
  EXPECT_EQ(Mode(), 02765u) << "without the group's x it is no right of who runs the file";
  for (const bool unprivileged : {false, true}) {
    SetMode(04755);
    const auto cut =
        RunSync(mount_.fs().Open({}, *mount_.Inode("file"), O_WRONLY | O_TRUNC, unprivileged));
    ASSERT_TRUE(cut) << cut.error().ToString();
    ASSERT_TRUE(mount_.CloseHandle(cut->handle));
    EXPECT_EQ(Mode(), unprivileged ? 0755u : 04755u);
  }
}

// What was written and is not on the server yet is not lost by it.
TEST_F(AttributesTest, SetUserIdEndsInTheMiddleOfWriting) {
  ASSERT_TRUE(mount_.Put("file", "......"));
  const HandleId handle = *mount_.Open("file", O_WRONLY);
  ASSERT_TRUE(mount_.WriteAt(handle, 0, "one"));
  SetMode(04777);
  ASSERT_TRUE(RunSync(mount_.fs().Write({}, handle, 3, AsBytes("two"), true)));
  ASSERT_TRUE(mount_.CloseHandle(handle));
  EXPECT_EQ(Mode(), 0777u);
  EXPECT_EQ(*mount_.Get("file"), "onetwo");
}

TEST_F(AttributesTest, AnAclIsAskedForAgainWhenTheModeChanges) {
  constexpr char kAcl[] = "system.posix_acl_access";
  FileSystemOptions options;
  options.attribute_age = std::chrono::minutes(10);
  MemoryRemote link(server_);
  MountForTest mount(link, options);
  ASSERT_TRUE(mount.Put("file", "x"));
  const InodeNumber inode = *mount.Inode("file");
  const auto set = [&](MountForTest& by, const char* acl) {
    return RunSync(
        by.fs().SetXattr({}, *by.Inode("file"), kAcl, acl, RemoteNames::XattrMode::kSet));
  };
  ASSERT_TRUE(set(mount, "one"));
  EXPECT_EQ(*RunSync(mount.fs().GetXattr({}, inode, kAcl)), "one");
  // As the server changes it with the mode.
  ASSERT_TRUE(set(mount_, "another"));
  EXPECT_EQ(*RunSync(mount.fs().GetXattr({}, inode, kAcl)), "one") << "it is remembered";
  AttributeChanges changes;
  changes.mode = 0600;
  ASSERT_TRUE(RunSync(mount.fs().SetAttributes({}, inode, changes)));
  EXPECT_EQ(*RunSync(mount.fs().GetXattr({}, inode, kAcl)), "another");
}

TEST_F(AttributesTest, TheTimeOfWhatIsNotCommittedIsNotBelievedForLong) {
  MemoryRemote remote(server_);
  Loops loops(2);
  BufferedFiles files(remote, *RunSync(remote.Probe({})), loops, {});
  FileSystemOptions options;
  options.attribute_age = std::chrono::minutes(10);
  MountForTest mount(remote, files, options);
  ASSERT_TRUE(mount.Put("file", "x"));
  const InodeNumber inode = *mount.Inode("file");
  const auto age = [&] { return RunSync(mount.fs().GetAttributes({}, inode))->age.count(); };
  EXPECT_GT(age(), 0);
  const HandleId handle = *mount.Open("file", O_WRONLY);
  ASSERT_TRUE(mount.WriteAt(handle, 0, "another"));
  EXPECT_EQ(age(), 0);
  ASSERT_TRUE(mount.CloseHandle(handle));
  EXPECT_GT(age(), 0);
  EXPECT_TRUE(RunSync(files.Stop()));
}

TEST_F(AttributesTest, OpeningWithTruncationChangesTheTimesOfAnEmptyFileToo) {
  ASSERT_TRUE(mount_.Put("file", ""));
  AttributeChanges old;
  old.mtime = FileTime{5};
  ASSERT_TRUE(RunSync(mount_.fs().SetAttributes({}, *mount_.Inode("file"), old)));
  const auto open = [&](int flags) {
    const HandleId handle = *mount_.Open("file", flags);
    ASSERT_TRUE(mount_.CloseHandle(handle));
  };
  open(O_WRONLY);
  EXPECT_EQ(mount_.Walk("file")->mtime, FileTime{5});
  open(O_WRONLY | O_TRUNC);
  EXPECT_GT(mount_.Walk("file")->mtime, FileTime{5});
}

TEST_F(AttributesTest, ADirectoryThatWasRemovedWhileItIsOpenHasNoLinks) {
  for (const bool replaced : {false, true}) {
    ASSERT_TRUE(mount_.MakeDir("d"));
    const InodeNumber inode = *mount_.Inode("d");
    if (replaced) {
      ASSERT_TRUE(mount_.MakeDir("other"));
      ASSERT_TRUE(mount_.Rename("other", "d"));
    } else {
      ASSERT_TRUE(mount_.RemoveDir("d"));
    }
    const auto gone = RunSync(mount_.fs().GetAttributes({}, inode));
    ASSERT_TRUE(gone) << gone.error().ToString();
    EXPECT_TRUE(gone->attributes.IsDirectory());
    EXPECT_EQ(gone->attributes.nlink, 0u);
  }
  // Somebody else's removal is news.
  MemoryRemote elsewhere(server_);
  MountForTest other(elsewhere);
  const InodeNumber inode = *mount_.Inode("d");
  ASSERT_TRUE(other.RemoveDir("d"));
  while (RunSync(mount_.fs().GetAttributes({}, inode))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace
}  // namespace forebay::vfs
