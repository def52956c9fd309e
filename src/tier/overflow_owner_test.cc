#include "tier/overflow_owner.h"

#include <atomic>

#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

const OverflowIdentity kHere{.directory = "1-1", .place = "here:/data"};
const OverflowIdentity kThere{.directory = "2-2", .place = "there:/copy of data"};

class OverflowOwnerTest : public ::testing::Test {
 protected:
  // A process.
  std::unique_ptr<OverflowOwner> Owner(OverflowIdentity who, std::chrono::milliseconds trust = {}) {
    return std::make_unique<OverflowOwner>(
        std::shared_ptr<lake::ObjectLake>(&lake_, [](lake::ObjectLake*) {}), std::move(who),
        "acct/box", trust);
  }
  static Result<> Require(OverflowOwner& owner) { return RunSync(owner.Require({})); }
  static Code CodeOf(const Result<>& done) { return done ? Code{} : done.error().code(); }

  lake::MemoryLake inside_;
  lake::FaultyLake lake_{inside_};
};

TEST_F(OverflowOwnerTest, GoesOnAfterARestartAndRefusesACopy) {
  const auto first = Owner(kHere);
  ASSERT_TRUE(Require(*first));
  ASSERT_TRUE(Require(*first));
  EXPECT_EQ(inside_.Names(), std::vector<std::string>{std::string(kOwnerObject)});
  const auto restarted = Owner(kHere);
  ASSERT_TRUE(Require(*restarted));
  const auto copy = Owner(kThere);
  const auto refused = Require(*copy);
  ASSERT_EQ(CodeOf(refused), Code::kResourceAlreadyExists);
  for (const char* words : {"here:/data", "there:/copy of data", "forebay lake takeover"}) {
    EXPECT_NE(refused.error().message().find(words), std::string::npos)
        << refused.error().message();
  }
  ASSERT_TRUE(Require(*restarted)) << "who was refused has changed nothing";
  // What was left by a process before it: nothing of its own.
  EXPECT_EQ(CodeOf(Require(*first)), Code::kResourceAlreadyExists);
}

TEST_F(OverflowOwnerTest, IsTakenOverByCommandOnly) {
  const auto old = Owner(kHere);
  ASSERT_TRUE(Require(*old));
  const auto next = Owner(kThere);
  ASSERT_TRUE(RunSync(next->TakeOver({})));
  ASSERT_TRUE(Require(*next));
  EXPECT_EQ(CodeOf(Require(*old)), Code::kResourceAlreadyExists);
  EXPECT_EQ(CodeOf(Require(*Owner(kHere))), Code::kResourceAlreadyExists) << "restarted";
  ASSERT_TRUE(RunSync(old->TakeOver({})));
  ASSERT_TRUE(Require(*old));
  EXPECT_EQ(CodeOf(Require(*next)), Code::kResourceAlreadyExists);
}

TEST_F(OverflowOwnerTest, AsksTheLakeNowAndThen) {
  std::atomic<int> requests{0};
  inside_.OnRequest([&](LakeOperation, const std::string&) { ++requests; });
  const auto owner = Owner(kHere, std::chrono::hours(1));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Require(*owner));
  EXPECT_EQ(requests, 2);  // it looks, and writes
  const auto careful = Owner(kHere);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Require(*careful));
  EXPECT_EQ(requests, 2 + 2 + 9);
  inside_.OnRequest(nullptr);
}

// Whoever ends in the middle, or hears no answer, finds out; of two only one has it.
TEST_F(OverflowOwnerTest, EachRequestMayFailOrLoseItsAnswer) {
  for (const auto kind : {Fault::Kind::kError, Fault::Kind::kLostAnswer}) {
    for (std::size_t step = 0; step < 3; ++step) {
      inside_.Remove(std::string(kOwnerObject));
      const auto owner = Owner(kHere);
      if (step > 0) lake_.SetLink(lake::LinkState::kUp);
      lake_.FailNext({.kind = kind, .code = Code::kServerBusy},
                     step == 0 ? LakeOperation::kHead : LakeOperation::kPut, step == 2 ? 2 : 1);
      (void)Require(*owner);
      lake_.Heal();
      ASSERT_TRUE(Require(*owner)) << step;
      EXPECT_EQ(CodeOf(Require(*Owner(kThere))), Code::kResourceAlreadyExists) << step;
      ASSERT_TRUE(Require(*Owner(kHere))) << step;
    }
  }
}

TEST_F(OverflowOwnerTest, OfTwoAtOnceOneHasIt) {
  // The other one is faster by one request.
  const auto fast = Owner(kThere);
  std::atomic<bool> once{false};
  inside_.OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation != LakeOperation::kHead || once.exchange(true)) return;
    EXPECT_TRUE(Require(*fast));
  });
  EXPECT_EQ(CodeOf(Require(*Owner(kHere))), Code::kResourceAlreadyExists);
  inside_.OnRequest(nullptr);
  EXPECT_TRUE(Require(*fast));
}

TEST_F(OverflowOwnerTest, WhatSomebodyTookAwayIsWrittenAnew) {
  const auto owner = Owner(kHere);
  ASSERT_TRUE(Require(*owner));
  inside_.Remove(std::string(kOwnerObject));
  ASSERT_TRUE(Require(*owner));
  EXPECT_EQ(inside_.Names().size(), 1u);
  // Text of somebody's is nobody we know.
  inside_.Plant(std::string(kOwnerObject), "mine");
  EXPECT_EQ(CodeOf(Require(*owner)), Code::kResourceAlreadyExists);
}

TEST_F(OverflowOwnerTest, LeavesNothingOfItsOwnAndNothingElse) {
  const auto owner = Owner(kHere);
  ASSERT_TRUE(Require(*owner));
  ASSERT_TRUE(RunSync(owner->Leave({})));
  EXPECT_TRUE(inside_.Names().empty());
  EXPECT_EQ(CodeOf(Require(*owner)), Code::kStale);
  ASSERT_TRUE(RunSync(owner->Leave({})));
  const auto theirs = Owner(kThere);
  ASSERT_TRUE(Require(*theirs));
  ASSERT_TRUE(RunSync(owner->Leave({})));
  EXPECT_EQ(inside_.Names().size(), 1u);
  // A process that has needed none of it so far takes away what the one before it has left; but
  // not where another one runs.
  const auto another = Owner(kThere);
  ASSERT_TRUE(Require(*another));
  ASSERT_TRUE(RunSync(theirs->Leave({})));
  EXPECT_EQ(inside_.Names().size(), 1u);
  ASSERT_TRUE(RunSync(Owner(kThere)->Leave({})));
  EXPECT_TRUE(inside_.Names().empty());
}

// An answer from before that time does not do, one that others have asked for since does; and who
// was refused trusts no earlier answer.
TEST_F(OverflowOwnerTest, AnAnswerMayHaveToBeNew) {
  std::atomic<int> requests{0};
  inside_.OnRequest([&](LakeOperation, const std::string&) { ++requests; });
  const auto owner = Owner(kHere, std::chrono::hours(1));
  ASSERT_TRUE(Require(*owner));
  const SteadyTime since = std::chrono::steady_clock::now();
  EXPECT_EQ(requests, 2);
  ASSERT_TRUE(RunSync(owner->Require({}, since)));
  EXPECT_EQ(requests, 3);
  ASSERT_TRUE(RunSync(owner->Require({}, since)));
  ASSERT_TRUE(Require(*owner));
  EXPECT_EQ(requests, 3);
  inside_.OnRequest(nullptr);
  ASSERT_TRUE(RunSync(Owner(kThere)->TakeOver({})));
  ASSERT_TRUE(Require(*owner)) << "trusted for an hour";
  EXPECT_EQ(CodeOf(RunSync(owner->Require({}, std::chrono::steady_clock::now()))),
            Code::kResourceAlreadyExists);
  EXPECT_EQ(CodeOf(Require(*owner)), Code::kResourceAlreadyExists);
}

TEST_F(OverflowOwnerTest, NobodyInParticularOwnsNothing) {
  inside_.Plant(std::string(kOwnerObject), "of nobody in particular");
  const auto owner = Owner({.directory = "", .place = "here:/data"});
  ASSERT_TRUE(RunSync(owner->Leave({})));
  EXPECT_EQ(inside_.Names().size(), 1u);
  const auto unknown = Owner({.directory = "", .place = "here:/data"});
  for (const auto& refused : {Require(*unknown), RunSync(unknown->TakeOver({}))}) {
    ASSERT_EQ(CodeOf(refused), Code::kUnsupported);
    EXPECT_NE(refused.error().message().find("here:/data"), std::string::npos);
  }
}

// What it is for: the server on a copy of the data directory sends and deletes nothing.
TEST(OverflowOwned, NothingIsSentOrDeletedWhereItIsAnothers) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("sent", Pattern(5'000)));
  ASSERT_TRUE(f.engine().Put("here", Pattern(5'000, 2)));
  ASSERT_EQ(f.Evict("sent")->evicted, 1u);
  ASSERT_TRUE(f.engine().Delete("sent"));
  f.engine().Sweep();
  f.lake().Plant(engine::LakeObjectName(meta::BodyId(0xFFFF'0000)), "of the other one");
  const std::vector<std::string> before = f.lake().Names();
  // The other one has taken it, and this process begins after that.
  OverflowOwner other(f.attachment()->lake, kThere, "acct/box");
  ASSERT_TRUE(f.engine().Run(other.TakeOver({})));
  f.Restart();
  const auto turn = f.Turn();
  ASSERT_FALSE(turn);
  EXPECT_EQ(turn.error().code(), Code::kResourceAlreadyExists);
  EXPECT_EQ(f.MakeRoom(5'000), 0u);
  EXPECT_FALSE(f.Evict("here"));
  const auto detached = f.engine().Run(f.tier().Detach({}, f.engine().Container()));
  ASSERT_FALSE(detached);
  EXPECT_EQ(detached.error().code(), Code::kResourceAlreadyExists);
  EXPECT_EQ(f.lake().Names(), before);
  EXPECT_NE(f.tier().Status().front().last_error.find(kThere.place), std::string::npos);
  ASSERT_TRUE(f.engine().Run(f.attachment()->owner->TakeOver({})));
  f.Collect();
  f.ExpectWhole({{"here", Pattern(5'000, 2)}});
}

}  // namespace
}  // namespace forebay::tier
