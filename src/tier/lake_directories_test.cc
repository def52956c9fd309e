#include "tier/lake_directories.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "lake/memory_lake.h"

namespace forebay::tier {
namespace {

TEST(LakeDirectories, OneIsMadeOnceAndNeverInTheWayOfAFile) {
  lake::MemoryLake lake({.hierarchical = true});
  const auto made = RunSync(EnsureDirectory(lake, {}, "a/b", {{"k", "v"}}));
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_FALSE(made->was_there);
  EXPECT_EQ(made->etag, lake.State("a/b")->etag().str());
  lake.Plant("a/b/file", "bytes");
  const auto again = RunSync(EnsureDirectory(lake, {}, "a/b", {{"k", "other"}}));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(lake.Bytes("a/b/file"), "bytes");
  const auto file = RunSync(EnsureDirectory(lake, {}, "a/b/file", {}));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Code::kPathConflict);
  EXPECT_EQ(lake.Bytes("a/b/file"), "bytes");
}

}  // namespace
}  // namespace forebay::tier
