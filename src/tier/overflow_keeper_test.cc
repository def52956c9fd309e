#include "tier/overflow_keeper.h"

#include "meta/namespace.h"
#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

TEST(OverflowKeeperTest, DeletesWhatIsDoomedAndGoesOnAfterAFailure) {
  OverflowFixture f;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(f.engine().Put("b" + std::to_string(i), Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 40u);
  for (int i = 0; i < 39; ++i) ASSERT_TRUE(f.engine().Delete("b" + std::to_string(i)));
  f.engine().Sweep();
  EXPECT_EQ(f.Overflow().to_delete, 39u);
  EXPECT_EQ(f.Overflow().bodies, 1u);
  f.faulty_lake().FailNext({.kind = Fault::Kind::kError, .code = Code::kServerBusy},
                           LakeOperation::kDelete);
  const auto failed = f.Turn();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kServerBusy);
  const std::uint64_t left = f.Overflow().to_delete;
  EXPECT_GT(left, 0u);
  EXPECT_EQ(f.Objects().size(), left + 1);
  // An answer that was lost is found out: it is gone.
  f.faulty_lake().FailNext({.kind = Fault::Kind::kLostAnswer}, LakeOperation::kDelete);
  EXPECT_FALSE(f.Turn());
  ASSERT_TRUE(f.Turn());
  EXPECT_EQ(f.Overflow().to_delete, 0u);
  EXPECT_EQ(f.Objects().size(), 1u);
}

TEST(OverflowKeeperTest, FindsWhatNobodyOwnsByListing) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("mine", Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 1u);
  for (std::uint64_t i = 0; i < 30; ++i) {
    f.lake().Plant(engine::LakeObjectName(meta::BodyId(0xFFFF'0000 + i)), "left by a process");
  }
  f.lake().Plant("somebody's", "text");
  f.lake().Plant("00000000FFFF0000", "text");
  OverflowKeeperOptions options;
  options.names_per_turn = 10;
  OverflowKeeper keeper = f.Keeper(options);
  // A page a turn; what it has found goes in the next.
  const std::uint64_t lists = f.Requests(LakeOperation::kList);
  for (std::uint64_t turn = 1; turn <= 5; ++turn) {
    ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
    EXPECT_LE(f.Requests(LakeOperation::kList) - lists, turn);
  }
  EXPECT_EQ(f.Objects(),
            (std::vector<std::string>{f.ObjectOf("mine"), "00000000FFFF0000", "somebody's"}));
  // Then it is quiet for a day.
  const std::uint64_t requests = f.usage().total().requests;
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_EQ(f.usage().total().requests, requests);
  EXPECT_TRUE(Same(f.engine().Read("mine"), Pattern(900)));
}

TEST(OverflowKeeperTest, LeavesWhatIsBeingSent) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("a", Pattern(900)));
  bool looked = false;
  f.lake().OnRequest([&](LakeOperation operation, const std::string& name) {
    if (operation != LakeOperation::kPut) return;
    const auto body = engine::BodyOfLakeObject(name);
    ASSERT_TRUE(body);
    EXPECT_TRUE(f.mover().IsUnderWay(*body));
    // The object is there, and no record knows it yet.
    EXPECT_TRUE(f.Turn());
    EXPECT_EQ(f.Overflow().to_delete, 0u);
    looked = true;
  });
  ASSERT_EQ(f.Evict()->evicted, 1u);
  f.lake().OnRequest(nullptr);
  EXPECT_TRUE(looked);
  f.Collect();
  EXPECT_TRUE(Same(f.engine().Read("a"), Pattern(900)));
}

TEST(OverflowKeeperTest, OneThatIsNotLetGoKeepsNoOther) {
  OverflowFixture f;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.engine().Put("b" + std::to_string(i), Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 5u);
  const std::string leased = f.ObjectOf("b0");
  f.lake().SetLease(leased, "somebody's");
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.engine().Delete("b" + std::to_string(i)));
  f.engine().Sweep();
  OverflowKeeper keeper = f.Keeper({.deletes_at_a_time = 1});
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_EQ(f.Objects(), std::vector{leased});
  OverflowStatus status = f.Overflow();
  keeper.AddStuck(status);
  EXPECT_EQ(status.to_delete, 1u);
  EXPECT_EQ(status.stuck, 1u);
  EXPECT_NE(status.stuck_why.find(leased), std::string::npos) << status.stuck_why;
  // It is not asked for again and again.
  const std::uint64_t requests = f.Requests(LakeOperation::kDelete);
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_EQ(f.Requests(LakeOperation::kDelete), requests);
  f.lake().SetLease(leased, "");
  keeper.ForgetStuck();
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_TRUE(f.Objects().empty());
  EXPECT_EQ(f.Overflow().to_delete, 0u);
}

// A refusal may be of one object or of all: the turn ends, and the next one begins with others.
TEST(OverflowKeeperTest, OneThatIsForbiddenKeepsNoOther) {
  OverflowFixture f;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.engine().Put("b" + std::to_string(i), Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 5u);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(f.engine().Delete("b" + std::to_string(i)));
  f.engine().Sweep();
  OverflowKeeper keeper = f.Keeper({.deletes_at_a_time = 1});
  const auto stuck = [&] {
    OverflowStatus status = f.Overflow();
    keeper.AddStuck(status);
    return status;
  };
  f.faulty_lake().FailNext({.kind = Fault::Kind::kError, .code = Code::kAuthorizationFailure},
                           LakeOperation::kDelete);
  const auto refused = f.engine().Run(keeper.Turn({}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAuthorizationFailure);
  EXPECT_EQ(stuck().to_delete, 5u);
  EXPECT_EQ(stuck().stuck, 5u) << "as far as anybody knows";
  EXPECT_NE(stuck().stuck_why.find("lacks a permission"), std::string::npos) << stuck().stuck_why;
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_EQ(stuck().to_delete, 1u);
  EXPECT_EQ(stuck().stuck, 1u);
  EXPECT_NE(stuck().stuck_why.find(f.Objects().front()), std::string::npos) << stuck().stuck_why;
  keeper.ForgetStuck();
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_TRUE(f.Objects().empty());
  EXPECT_EQ(stuck().stuck, 0u);
}

// Whoever waits for the next answer is not told of one that was on its way.
TEST(OverflowKeeperTest, WhatWasAskedBeforeIsForgottenToo) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("a", Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 1u);
  const std::string object = f.ObjectOf("a");
  ASSERT_TRUE(f.engine().Delete("a"));
  f.engine().Sweep();
  OverflowKeeper keeper = f.Keeper();
  f.lake().SetLease(object, "somebody's");
  f.lake().OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation == LakeOperation::kDelete) keeper.ForgetStuck();
  });
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  f.lake().OnRequest(nullptr);
  OverflowStatus status = f.Overflow();
  keeper.AddStuck(status);
  EXPECT_EQ(status.to_delete, 1u);
  EXPECT_EQ(status.stuck, 0u);
}

TEST(OverflowKeeperTest, OneIsTriedAgainLater) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("a", Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 1u);
  const std::string leased = f.ObjectOf("a");
  f.lake().SetLease(leased, "somebody's");
  ASSERT_TRUE(f.engine().Delete("a"));
  f.engine().Sweep();
  OverflowKeeper keeper = f.Keeper({.try_again = std::chrono::milliseconds(0)});
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  f.lake().SetLease(leased, "");
  ASSERT_TRUE(f.engine().Run(keeper.Turn({})));
  EXPECT_TRUE(f.Objects().empty());
  OverflowStatus status;
  keeper.AddStuck(status);
  EXPECT_EQ(status.stuck, 0u);
}

// Of very many it is not remembered which they are: then a turn ends, as where the lake is away.
TEST(OverflowKeeperTest, SoManyAreRemembered) {
  OverflowFixture f;
  for (int i = 0; i < 3; ++i) {
    const std::string name = "b" + std::to_string(i);
    ASSERT_TRUE(f.engine().Put(name, Pattern(900)));
    ASSERT_EQ(f.Evict(name)->evicted, 1u);
    f.lake().SetLease(f.ObjectOf(name), "somebody's");
    ASSERT_TRUE(f.engine().Delete(name));
  }
  f.engine().Sweep();
  OverflowKeeper keeper = f.Keeper({.most_stuck = 2});
  EXPECT_FALSE(f.engine().Run(keeper.Turn({})));
  OverflowStatus status;
  keeper.AddStuck(status);
  EXPECT_EQ(status.stuck, 2u);
}

}  // namespace
}  // namespace forebay::tier
