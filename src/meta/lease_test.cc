#include "meta/lease.h"

#include <gtest/gtest.h>

#include "kv/memory.h"

namespace forebay::meta {
namespace {

using std::chrono::minutes;

class LeaseTest : public testing::Test {
 protected:
  Result<FencingToken> Acquire(std::uint64_t owner) {
    FencingToken token;
    FB_RETURN_IF_ERROR(store_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(token, AcquireLease(txn, "sweep", owner, clock_.Now(), minutes(1)));
      return {};
    }));
    return token;
  }
  Result<> Check(FencingToken token) { return CheckLease(*store_.GetSnapshot(), "sweep", token); }
  kv::MemoryStore store_;
  ManualClock clock_;
};

TEST_F(LeaseTest, OneOwnerAtATime) {
  ASSERT_TRUE(Acquire(1));
  EXPECT_EQ(Acquire(2).error().code(), Code::kLocked);
  clock_.Advance(minutes(2));
  EXPECT_TRUE(Acquire(2));
  EXPECT_EQ(Acquire(1).error().code(), Code::kLocked);
}

TEST_F(LeaseTest, RenewalKeepsTheTokenAndTheLease) {
  const auto token = Acquire(1);
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(std::chrono::seconds(50));
    EXPECT_EQ(*Acquire(1), *token);
  }
  EXPECT_EQ(Acquire(2).error().code(), Code::kLocked);
  EXPECT_TRUE(Check(*token));
}

TEST_F(LeaseTest, WhoLostItCannotWrite) {
  const auto first = Acquire(1);
  clock_.Advance(minutes(2));
  EXPECT_TRUE(Check(*first)) << "until somebody else takes it";
  const auto second = Acquire(2);
  EXPECT_GT(*second, *first);
  EXPECT_EQ(Check(*first).error().code(), Code::kLocked);
  EXPECT_TRUE(Check(*second));
}

TEST_F(LeaseTest, AServerThatIsAloneWaitsForNobody) {
  auto first = Acquire(1);
  ASSERT_TRUE(first);
  ASSERT_TRUE(EndLeases(store_));
  auto second = Acquire(2);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_GT(*second, *first) << "what the old one still writes is refused";
}

TEST_F(LeaseTest, WhatIsGivenBackIsTakenAtOnce) {
  auto first = Acquire(1);
  ASSERT_TRUE(first);
  const auto release = [this](std::uint64_t owner) {
    return store_.TransactBlocking(
        [&](kv::Transaction& txn) { return ReleaseLease(txn, "sweep", owner); });
  };
  ASSERT_TRUE(release(2));
  EXPECT_EQ(Acquire(2).error().code(), Code::kLocked) << "nobody gives back another's";
  ASSERT_TRUE(release(1));
  auto second = Acquire(2);
  ASSERT_TRUE(second);
  EXPECT_GT(*second, *first);
}

}  // namespace
}  // namespace forebay::meta
