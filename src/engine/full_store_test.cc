// What empties a disk goes on where the store lets nothing grow any more: every operation that
// deletes, and what gives its room back, says so (kv::Transaction::MakesRoom).
#include <gtest/gtest.h>

#include <limits>

#include "engine/crash_fixture.h"
#include "engine/lazy.h"
#include "engine/node_content.h"
#include "engine/node_names.h"
#include "engine/node_session.h"
#include "meta/lease.h"

namespace forebay::engine {
namespace {

constexpr std::uint64_t kLine = 4 << 20;  // what the store writes here is much less

class FullStore : public testing::Test {
 protected:
  explicit FullStore(bool hierarchical) : hierarchical_(hierarchical) {
    for (const char* path : {"/kv", "/a", "/b"}) EXPECT_TRUE(disk_.MakeDirs(path));
    Start();
  }
  void Start() {
    auto process = CrashProcess::Start(disk_, clock_, hierarchical_,
                                       std::numeric_limits<std::uint64_t>::max(), kLine);
    EXPECT_TRUE(process) << process.error().ToString();
    if (process) process_ = std::move(*process);
  }
  void LeaveFree(std::uint64_t bytes) {
    const io::SpaceInfo space = *disk_.Space("/kv");
    disk_.SetCapacity(space.total_bytes - space.available_bytes + bytes);
  }
  template <class T>
  static Code CodeOf(const Result<T>& result) {
    return result ? Code{} : result.error().code();
  }

  const bool hierarchical_;
  io::MemoryFileSystem disk_;
  ManualClock clock_;
  std::unique_ptr<CrashProcess> process_;
};

class FullStoreTest : public FullStore, public testing::WithParamInterface<bool> {
 protected:
  FullStoreTest() : FullStore(GetParam()) {}
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

// Sparse segments give their room back, and what is left in them needs new ones.
TEST_P(FullStoreTest, SparseSegmentsAreEvacuated) {
  ASSERT_TRUE(process_->MakeContainer());
  const auto name = [](int n) { return "blob" + std::to_string(n); };
  for (int n = 0; n < 20; ++n) ASSERT_TRUE(process_->Put(name(n), Text(60), ""));
  process_.reset();
  Start();  // all segments are sealed
  LeaveFree(3 * kLine / 4);
  for (int n = 0; n < 20; ++n) {
    if (n % 4 != 0) ASSERT_TRUE(process_->Delete(name(n)));
  }
  for (int pass = 0; pass < 3; ++pass) EXPECT_TRUE(process_->Reclaim());
  EXPECT_GT(process_->chunks().stats().chunks_moved, 0u);
  EXPECT_GT(process_->chunks().stats().segments_removed, 0u);
  auto left = process_->Look();
  ASSERT_TRUE(left) << left.error().ToString();
  EXPECT_EQ(left->size(), 6u) << "the container, and what was not deleted";
}

// A mount keeps what it has, and its files can be deleted and emptied.
class FullMountTest : public FullStore {
 protected:
  FullMountTest() : FullStore(/*hierarchical=*/true) {}
  template <class T>
  Result<T> Run(Task<T> task) {
    return RunSync(std::move(task));
  }
  NodeTarget At(std::string_view path) {
    NodeTarget target;
    target.container = process_->Container();
    target.path = std::string(path);
    return target;
  }
  Result<azure::PosixAttributes> Hold(NodeTarget target, std::uint64_t session, bool release) {
    HoldRequest request{.target = std::move(target), .session = session, .release = release};
    return Run(HoldNode(process_->services(), {}, std::move(request)));
  }
  Result<> Lock(std::uint64_t session, LockAction action, std::uint64_t end) {
    LockRequest request;
    request.target = At("file");
    request.action = action;
    request.lock.session = session;
    request.lock.end = end;
    return Run(LockNode(process_->services(), {}, std::move(request)));
  }
  Result<std::uint64_t> Open() {
    return Run(OpenSession(process_->services(), {},
                           {.container = process_->Container(), .seconds = 60, .owner = "test"}));
  }
};

TEST_F(FullMountTest, SessionsHoldsAndDeletesGoOn) {
  Services& services = process_->services();
  ASSERT_TRUE(process_->MakeContainer());
  for (const char* name : {"first", "file", "other"}) {
    ASSERT_TRUE(process_->Put(name, "content", ""));
  }
  const auto session = Open();
  ASSERT_TRUE(session);
  ASSERT_TRUE(Lock(*session, LockAction::kExclusive, 100));
  LeaveFree(3 * kLine / 4);
  ASSERT_TRUE(process_->Delete("first"));  // and the store has seen how little there is
  ASSERT_EQ(CodeOf(process_->Put("new", "tiny", "")), Code::kNoSpace);

  EXPECT_TRUE(Run(RenewSession(services, {}, process_->Container(), *session)));
  const auto second = Open();
  EXPECT_TRUE(second);
  EXPECT_TRUE(Lock(*session, LockAction::kUnlock, 50));
  const auto held = Hold(At("file"), *session, false);
  ASSERT_TRUE(held) << held.error().ToString();
  RemoveNodeRequest remove;
  remove.target = At("file");
  remove.lazy = true;
  EXPECT_TRUE(Run(RemoveNode(services, {}, std::move(remove))));
  const auto mark = Run(MarkNow(services, {}));
  ASSERT_TRUE(mark);
  EXPECT_TRUE(Run(SyncLazy(services, {}, {*mark})));
  NodeTarget numbered = At("");
  numbered.inode = meta::InodeId(held->inode);
  EXPECT_TRUE(Hold(numbered, *session, true));
  CommitNodeRequest empty;
  empty.target = At("other");
  EXPECT_TRUE(Run(CommitNode(services, {}, std::move(empty))));
  EXPECT_TRUE(Run(EndSession(services, {}, process_->Container(), *session)));
  EXPECT_TRUE(process_->Sweep());
}

}  // namespace
}  // namespace forebay::engine
