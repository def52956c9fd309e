// What becomes of attributes beside what the contract says (contract_suite.h).
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace forebay::vfs
