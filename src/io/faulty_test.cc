#include "io/faulty.h"

#include <gtest/gtest.h>

#include "io/memory.h"

namespace forebay::io {
namespace {

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  FaultyFileSystemTest() { EXPECT_TRUE(base_.MakeDirs("/d")); }
  MemoryFileSystem base_;
  FaultyFileSystem fs_{base_};
};

TEST_F(FaultyFileSystemTest, FailsChosenCallsOnChosenPaths) {
  fs_.AddFault(
      {.ops = kOpWrite, .path_contains = "bad", .code = Code::kNoSpace, .skip = 1, .times = 2});
  auto good = *fs_.Open("/d/good", OpenMode::kCreate);
  auto bad = *fs_.Open("/d/bad", OpenMode::kCreate);
  EXPECT_TRUE(good->WriteAt(AsBytes("x"), 0));
  EXPECT_TRUE(bad->WriteAt(AsBytes("x"), 0)) << "skipped";
  EXPECT_EQ(bad->WriteAt(AsBytes("y"), 0).error().code(), Code::kNoSpace);
  EXPECT_EQ(bad->WriteVectorAt({AsBytes("y")}, 0).error().code(), Code::kNoSpace);
  EXPECT_TRUE(bad->Sync());
  EXPECT_EQ(*ReadFile(base_, "/d/bad"), "x") << "a failed write did nothing";
  EXPECT_TRUE(bad->WriteAt(AsBytes("z"), 0)) << "twice only";
  EXPECT_TRUE(good->WriteAt(AsBytes("z"), 0));
}

TEST_F(FaultyFileSystemTest, CrashStopsEverythingFromTheNthChange) {
  ASSERT_TRUE(WriteFileAtomically(fs_, "/d/a", "first"));
  std::uint64_t calls = fs_.operations();
  EXPECT_EQ(calls, 6u) << "create, truncate, write, sync, rename, sync directory";
  for (std::uint64_t n = 1; n <= calls; ++n) {
    fs_.Heal();
    fs_.CrashAt(n);
    EXPECT_EQ(WriteFileAtomically(fs_, "/d/a", "second").error().code(), Code::kIo);
    EXPECT_TRUE(fs_.crashed());
    EXPECT_FALSE(fs_.Exists("/d/a")) << "reads fail too";
    EXPECT_FALSE(fs_.Open("/d/a", OpenMode::kRead));
    base_.DropUnsynced();
    EXPECT_EQ(*ReadFile(base_, "/d/a"), "first") << "crash at " << n;
  }
  fs_.Heal();
  ASSERT_TRUE(WriteFileAtomically(fs_, "/d/a", "second"));
  base_.DropUnsynced();
  EXPECT_EQ(*ReadFile(fs_, "/d/a"), "second");
}

}  // namespace
}  // namespace forebay::io
