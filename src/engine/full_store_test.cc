// What empties a disk goes on where the store lets nothing grow any more: every operation that
// deletes, and what gives its room back, says so (kv::Transaction::MakesRoom).
#include <gtest/gtest.h>

#include <limits>

#include "engine/crash_fixture.h"
#include "meta/lease.h"

namespace forebay::engine {
namespace {

constexpr std::uint64_t kLine = 4 << 20;  // what the store writes here is much less

class FullStoreTest : public testing::TestWithParam<bool> {
 protected:
  FullStoreTest() {
    for (const char* path : {"/kv", "/a", "/b"}) EXPECT_TRUE(disk_.MakeDirs(path));
    Start();
  }
  void Start() {
    auto process = CrashProcess::Start(disk_, clock_, /*hierarchical=*/GetParam(),
                                       std::numeric_limits<std::uint64_t>::max(), kLine);
    EXPECT_TRUE(process) << process.error().ToString();
    if (process) process_ = std::move(*process);
  }
  void LeaveFree(std::uint64_t bytes) {
    const io::SpaceInfo space = *disk_.Space("/kv");
    disk_.SetCapacity(space.total_bytes - space.available_bytes + bytes);
  }
  static Code CodeOf(const Result<>& result) { return result ? Code{} : result.error().code(); }

  io::MemoryFileSystem disk_;
  ManualClock clock_;
  std::unique_ptr<CrashProcess> process_;
};

INSTANTIATE_TEST_SUITE_P(Layouts, FullStoreTest, testing::Bool());

TEST_P(FullStoreTest, DeletesAndWhatFollowsThemGoOn) {
  ASSERT_TRUE(process_->MakeContainer());
  for (const char* name : {"first", "small", "dir/a", "dir/b"}) {
    ASSERT_TRUE(process_->Put(name, "tiny", ""));
  }
  ASSERT_TRUE(process_->Put("large", Text(300), ""));
  LeaveFree(3 * kLine / 4);
  ASSERT_TRUE(process_->Delete("first"));  // and the store has seen how little there is
  EXPECT_EQ(CodeOf(process_->Put("new", "tiny", "")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(process_->SetNote("small", "more")), Code::kNoSpace);
  EXPECT_TRUE(process_->Delete("large"));
  EXPECT_TRUE(process_->DeleteTree("dir"));
  EXPECT_TRUE(process_->Sweep());
  EXPECT_TRUE(process_->Reclaim());
  auto left = process_->Look();
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_EQ(left->size(), 2u) << "the container, and what was not deleted";
  EXPECT_TRUE(process_->RemoveContainer());
  EXPECT_TRUE(process_->Sweep());
  EXPECT_EQ(CodeOf(process_->MakeContainer()), Code::kNoSpace);
  LeaveFree(20 * kLine);
  EXPECT_TRUE(process_->MakeContainer());
}

TEST_P(FullStoreTest, AServerComesUpAndDeletes) {
  ASSERT_TRUE(process_->MakeContainer());
  for (const char* name : {"first", "second"}) ASSERT_TRUE(process_->Put(name, "tiny", ""));
  ASSERT_TRUE(process_->Put("large", Text(300), ""));
  LeaveFree(3 * kLine / 4);
  ASSERT_TRUE(process_->Delete("first"));
  for (const bool killed : {false, true}) {
    if (killed) process_->CrashNow();
    process_.reset();
    Start();
    ASSERT_TRUE(process_) << "killed: " << killed;
    ASSERT_TRUE(meta::EndLeases(process_->store()));
    EXPECT_EQ(CodeOf(process_->Put("new", "tiny", "")), Code::kNoSpace);
    EXPECT_TRUE(process_->Delete(killed ? "large" : "second"));
    EXPECT_TRUE(process_->Sweep());
    EXPECT_TRUE(process_->Reclaim());
  }
  auto left = process_->Look();
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_EQ(left->size(), 1u) << "the container";
}

}  // namespace
}  // namespace forebay::engine
