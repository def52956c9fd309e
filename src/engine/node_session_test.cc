#include "engine/node_session.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/fsck.h"
#include "engine/nodes_fixture.h"

namespace forebay::engine {
namespace {

using meta::FileLock;
using meta::LockFamily;

class SessionTest : public ::testing::Test {
 protected:
  Result<> Lock(std::uint64_t session, std::uint64_t owner, LockAction action, std::uint64_t start,
                std::uint64_t end, std::chrono::milliseconds wait = {},
                LockFamily family = LockFamily::kPosix) {
    return f.Run(LockNode(f.services(), f.context(),
                          Request(session, owner, action, start, end, wait, family)));
  }
  LockRequest Request(std::uint64_t session, std::uint64_t owner, LockAction action,
                      std::uint64_t start, std::uint64_t end, std::chrono::milliseconds wait = {},
                      LockFamily family = LockFamily::kPosix) {
    LockRequest request;
    request.target = f.At("a");
    request.action = action;
    request.lock.session = session;
    request.lock.owner = owner;
    request.lock.family = family;
    request.lock.start = start;
    request.lock.end = end;
    request.wait = wait;
    return request;
  }

  NodesFixture f;
  std::uint64_t inode = f.File("a", "content");
};

TEST_F(SessionTest, AHeldFileOutlivesItsName) {
  const std::uint64_t one = f.Session();
  const std::uint64_t two = f.Session();
  ASSERT_TRUE(f.Hold(f.At("a"), one));
  ASSERT_TRUE(f.Hold(f.At("a"), one));  // not counted
  ASSERT_TRUE(f.Hold(f.At("a"), two));
  ASSERT_TRUE(f.Unlink("a"));
  EXPECT_EQ(f.Stat(f.Numbered(inode))->nlink, 0u);
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "content");
  ASSERT_TRUE(f.Write(f.Numbered(inode), "data 4\n", "more"));
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "more");
  f.File("a", "another");
  ASSERT_TRUE(f.Hold(f.Numbered(inode), one, /*release=*/true));
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "more");
  ASSERT_TRUE(f.Hold(f.Numbered(inode), two, /*release=*/true));
  EXPECT_EQ(CodeOf(f.Content(f.Numbered(inode))), Code::kFileGone);
  EXPECT_EQ(*f.Content("a"), "another");
}

TEST_F(SessionTest, HoldsAreOfWhateverClientTakesTheNameAway) {
  const std::uint64_t session = f.Session();
  f.Dir("d");
  const std::uint64_t below = f.File("d/x", "below");
  ASSERT_TRUE(f.Put("blob", "put"));
  const std::uint64_t blob = f.Stat("blob")->inode;
  ASSERT_TRUE(f.Hold(f.At("a"), session));
  ASSERT_TRUE(f.Hold(f.At("d/x"), session));
  ASSERT_TRUE(f.Hold(f.Numbered(blob, "blob"), session));
  ASSERT_TRUE(f.Put("a", "over it"));
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));
  ASSERT_TRUE(f.EngineFixture::Delete("blob"));
  ASSERT_TRUE(f.sweeper().RunOnce());
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "content");
  EXPECT_EQ(*f.Content(f.Numbered(below)), "below");
  EXPECT_EQ(*f.Content(f.Numbered(blob)), "put");
  ASSERT_TRUE(f.Run(EndSession(f.services(), f.context(), f.Container(), session)));
  for (const std::uint64_t gone : {inode, below, blob}) {
    EXPECT_EQ(CodeOf(f.Content(f.Numbered(gone))), Code::kFileGone);
  }
  EXPECT_EQ(f.KeysOfTable('3') + f.KeysOfTable('4') + f.KeysOfTable('5'), 0u);
}

TEST_F(SessionTest, LeasesRunOut) {
  const std::uint64_t session = f.Session(60);
  ASSERT_TRUE(f.Hold(f.At("a"), session));
  ASSERT_TRUE(f.Unlink("a"));
  f.clock().Advance(std::chrono::seconds(40));
  ASSERT_TRUE(f.Run(RenewSession(f.services(), f.context(), f.Container(), session)));
  f.clock().Advance(std::chrono::seconds(40));
  ASSERT_TRUE(f.sweeper().RunOnce());
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "content");
  f.clock().Advance(std::chrono::seconds(61));
  EXPECT_EQ(CodeOf(f.Run(RenewSession(f.services(), f.context(), f.Container(), session))),
            Code::kSessionExpired);
  f.clock().Advance(std::chrono::seconds(61));
  ASSERT_TRUE(f.sweeper().RunOnce());
  EXPECT_EQ(CodeOf(f.Content(f.Numbered(inode))), Code::kFileGone);
  EXPECT_EQ(CodeOf(f.Hold(f.At("a"), session)), Code::kPathNotFound);
}

TEST_F(SessionTest, ARestartStartsLeasesAnew) {
  const std::uint64_t session = f.Session(60);
  f.clock().Advance(std::chrono::hours(1));
  f.services().started = f.clock().Now();
  EXPECT_TRUE(f.Run(RenewSession(f.services(), f.context(), f.Container(), session)));
}

TEST_F(SessionTest, LocksExcludeEachOther) {
  const std::uint64_t one = f.Session();
  const std::uint64_t two = f.Session();
  ASSERT_TRUE(Lock(one, 1, LockAction::kExclusive, 0, 100));
  EXPECT_EQ(CodeOf(Lock(two, 1, LockAction::kShared, 50, 60)), Code::kLockConflict);
  EXPECT_EQ(CodeOf(Lock(one, 2, LockAction::kShared, 99, 100)), Code::kLockConflict);
  EXPECT_TRUE(Lock(two, 1, LockAction::kShared, 100, 200));
  EXPECT_TRUE(Lock(one, 2, LockAction::kShared, 150, 160));
  EXPECT_EQ(CodeOf(Lock(one, 1, LockAction::kExclusive, 155, UINT64_MAX)), Code::kLockConflict);
  // The families do not see each other.
  EXPECT_TRUE(Lock(two, 9, LockAction::kExclusive, 0, UINT64_MAX, {}, LockFamily::kFlock));
  const auto found =
      f.Run(TestLock(f.services(), f.context(), Request(two, 1, LockAction::kExclusive, 10, 20)));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->session, one);
  EXPECT_EQ((*found)->owner, 1u);
  EXPECT_EQ((*found)->end, 100u);
  ASSERT_TRUE(Lock(one, 1, LockAction::kUnlock, 0, 50));
  EXPECT_TRUE(Lock(two, 1, LockAction::kExclusive, 0, 50));
  EXPECT_EQ(CodeOf(Lock(two, 1, LockAction::kExclusive, 50, 51)), Code::kLockConflict);
}

TEST_F(SessionTest, LocksOfTheDeadAreNobodys) {
  const std::uint64_t one = f.Session(60);
  const std::uint64_t two = f.Session(300);
  ASSERT_TRUE(Lock(one, 1, LockAction::kExclusive, 0, UINT64_MAX));
  EXPECT_EQ(CodeOf(Lock(two, 1, LockAction::kShared, 0, 1)), Code::kLockConflict);
  f.clock().Advance(std::chrono::seconds(61));
  EXPECT_TRUE(Lock(two, 1, LockAction::kShared, 0, 1));
  EXPECT_EQ(CodeOf(Lock(one, 1, LockAction::kShared, 0, 1)), Code::kSessionExpired);
  ASSERT_TRUE(f.Run(EndSession(f.services(), f.context(), f.Container(), two)));
  EXPECT_EQ(f.KeysOfTable('6'), 0u);
}

TEST_F(SessionTest, WaitsForALock) {
  const std::uint64_t one = f.Session();
  const std::uint64_t two = f.Session();
  ASSERT_TRUE(Lock(one, 1, LockAction::kExclusive, 0, 10));
  EXPECT_EQ(CodeOf(Lock(two, 1, LockAction::kExclusive, 0, 10, std::chrono::milliseconds(30))),
            Code::kLockConflict);
  std::jthread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_TRUE(
        RunSync(LockNode(f.services(), f.context(), Request(one, 1, LockAction::kUnlock, 0, 10))));
  });
  EXPECT_TRUE(RunSync(
      LockNode(f.services(), f.context(),
               Request(two, 1, LockAction::kExclusive, 0, 10, std::chrono::milliseconds(20'000)))));
}

TEST_F(SessionTest, FsckFindsNothingWrong) {
  const std::uint64_t session = f.Session();
  ASSERT_TRUE(f.Hold(f.At("a"), session));
  ASSERT_TRUE(f.Unlink("a"));  // held without a name
  f.Dir("d");
  const std::uint64_t linked = f.File("d/x", Text(100'000, 1));
  ASSERT_TRUE(f.Link(linked, "y"));
  ASSERT_TRUE(f.Write(f.At("y"), "keep 0 1000\nzero 100000\ndata 3\nkeep 2000 500\n", "new",
                      f.Stat("y")->etag));
  ASSERT_TRUE(f.StageBlock(f.At("y"), "id", Text(70'000, 2)));
  ASSERT_TRUE(
      f.Run(SetXattr(f.services(), f.context(), f.At("y"), "user.k", "v", XattrMode::kSet)));
  SetNodeRequest root;
  root.target = f.At("");
  root.set.mode = 0777;
  ASSERT_TRUE(f.Run(SetNode(f.services(), f.context(), root)));
  auto check = [this] {
    auto report = CheckNamespace(f.store(), f.chunks(), {});
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->problem_count, 0u) << (report->problems.empty() ? "" : report->problems[0]);
  };
  check();
  ASSERT_TRUE(f.sweeper().RunOnce());
  check();
  ASSERT_TRUE(f.Run(EndSession(f.services(), f.context(), f.Container(), session)));
  ASSERT_TRUE(f.Unlink("d/x"));
  ASSERT_TRUE(f.Unlink("y"));
  f.clock().Advance(std::chrono::minutes(2));
  ASSERT_TRUE(f.sweeper().RunOnce());
  check();
  EXPECT_EQ(f.Stored(), "");
}

TEST_F(SessionTest, OneOfTwoCommitsOnOneVersionWins) {
  for (int round = 0; round < 20; ++round) {
    const std::string base = f.Stat("a")->etag;
    std::atomic<int> won = 0;
    {
      std::vector<std::jthread> writers;
      for (const char* text : {"left", "right"}) {
        writers.emplace_back([this, &won, text, base] {
          CommitNodeRequest request;
          request.target = f.At("a");
          const std::vector<azure::HeaderField> headers = {{"If-Match", base}};
          request.target.conditions = *azure::ConditionsFrom(headers);
          request.pieces =
              *ParsePlan("keep 0 4\ndata " + std::to_string(std::string(text).size()) + "\n");
          TextReader reader(text);
          request.body = &reader;
          const auto done = RunSync(CommitNode(f.services(), f.context(), std::move(request)));
          if (done) {
            ++won;
          } else {
            EXPECT_EQ(CodeOf(done), Code::kConditionNotMet) << done.error().ToString();
          }
        });
      }
    }
    EXPECT_EQ(won, 1);
    const std::string content = *f.Content("a");
    EXPECT_TRUE(content == "contleft" || content == "contright") << content;
  }
}

TEST(LockListTest, RangesSplitAndMerge) {
  std::vector<FileLock> locks;
  auto apply = [&locks](std::uint64_t start, std::uint64_t end, LockAction action) {
    FileLock lock;
    lock.session = 1;
    lock.start = start;
    lock.end = end;
    ApplyLock(locks, lock, action);
  };
  auto shown = [&locks] {
    std::vector<std::string> out;
    for (const FileLock& lock : locks) {
      out.push_back((lock.exclusive ? "x" : "s") + std::to_string(lock.start) + "-" +
                    std::to_string(lock.end));
    }
    std::ranges::sort(out);
    std::string all;
    for (const std::string& one : out) all += one + " ";
    return all;
  };
  apply(0, 100, LockAction::kShared);
  apply(40, 60, LockAction::kExclusive);
  EXPECT_EQ(shown(), "s0-40 s60-100 x40-60 ");
  apply(100, 120, LockAction::kShared);
  EXPECT_EQ(shown(), "s0-40 s60-120 x40-60 ");
  apply(40, 60, LockAction::kShared);
  EXPECT_EQ(shown(), "s0-120 ");
  apply(10, 20, LockAction::kUnlock);
  EXPECT_EQ(shown(), "s0-10 s20-120 ");
  apply(5, 30, LockAction::kExclusive);
  EXPECT_EQ(shown(), "s0-5 s30-120 x5-30 ");
  apply(0, UINT64_MAX, LockAction::kUnlock);
  EXPECT_EQ(shown(), "");
}

}  // namespace
}  // namespace forebay::engine
