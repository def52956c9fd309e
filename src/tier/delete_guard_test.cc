#include "tier/delete_guard.h"

#include <gtest/gtest.h>

namespace forebay::tier {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart = WallTime::FromSeconds(1'800'000'000);

DeleteGuardOptions Limits() {
  return {.per_window = 100, .window = 3600s, .share = 0.1, .share_from = 20};
}

DeleteDemand One(std::uint64_t waiting = 1, std::uint64_t left = 1'000'000) {
  return {.deletes = 1, .waiting = waiting, .blobs_left = left};
}

TEST(DeleteGuard, DeletesBelowBothLimitsPass) {
  DeleteGuard guard(Limits());
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(guard.Ask(One(), kStart), DeleteVerdict::kAllowed) << i;
  }
  EXPECT_EQ(guard.in_window(kStart), 100U);
  EXPECT_EQ(guard.Ask(One(), kStart), DeleteVerdict::kPaused);
  EXPECT_EQ(guard.paused()->reason,
            "101 deletes within 1h would reach the lake; the limit is 100.");
  EXPECT_EQ(guard.paused()->since, kStart);
}

TEST(DeleteGuard, TheWindowSlides) {
  DeleteGuard guard(Limits());
  WallTime now = kStart;
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_EQ(guard.Ask(One(), now), DeleteVerdict::kAllowed) << i;
    now = now + 37s;  // 97 an hour
  }
  DeleteGuard faster(Limits());
  int passed = 0;
  for (now = kStart; faster.Ask(One(), now) == DeleteVerdict::kAllowed; now = now + 30s) ++passed;
  EXPECT_EQ(passed, 100) << "120 an hour: stopped within the first hour";
}

TEST(DeleteGuard, AFloodIsSeenBeforeItsFirstDelete) {
  DeleteGuard guard(Limits());
  EXPECT_EQ(guard.Ask(One(101), kStart), DeleteVerdict::kPaused);
  EXPECT_EQ(guard.in_window(kStart), 0U) << "none has travelled";
  EXPECT_EQ(guard.paused()->waiting, 101U);
}

TEST(DeleteGuard, AShareOfTheContainerPausesFromAMinimumOn) {
  DeleteGuard guard(Limits());
  // 19 of 19: everything, yet too few to ask about.
  EXPECT_EQ(guard.Ask({19, 19, 0}, kStart), DeleteVerdict::kAllowed);
  EXPECT_EQ(guard.Ask({1, 1, 0}, kStart), DeleteVerdict::kPaused);
  EXPECT_EQ(
      guard.paused()->reason,
      "20 deletes, 100 % of the container, would reach the lake within 1h; the limit is 10 %.");
  DeleteGuard large(Limits());
  EXPECT_EQ(large.Ask({90, 90, 810}, kStart), DeleteVerdict::kAllowed) << "exactly a tenth";
  EXPECT_EQ(large.Ask({1, 1, 809}, kStart), DeleteVerdict::kPaused);
}

TEST(DeleteGuard, PausedItStaysPausedUntilSomebodyAgrees) {
  DeleteGuard guard(Limits());
  EXPECT_EQ(guard.Ask(One(300), kStart), DeleteVerdict::kPaused);
  EXPECT_EQ(guard.Ask(One(320), kStart + 48h), DeleteVerdict::kPaused);
  EXPECT_EQ(guard.paused()->waiting, 320U);
  EXPECT_EQ(guard.paused()->since, kStart);
  ASSERT_TRUE(guard.Approve(320));
  EXPECT_FALSE(guard.Approve(320));
  for (std::uint64_t waiting = 320; waiting > 0; --waiting) {
    ASSERT_EQ(guard.Ask(One(waiting), kStart + 49h), DeleteVerdict::kAllowed) << waiting;
  }
  // What nobody has seen is counted from zero.
  EXPECT_EQ(guard.Ask({100, 100, 1'000'000}, kStart + 49h), DeleteVerdict::kAllowed);
  EXPECT_EQ(guard.Ask(One(), kStart + 49h), DeleteVerdict::kPaused);
}

TEST(DeleteGuard, AgreementCoversWhatWasAgreedToOnly) {
  DeleteGuard guard(Limits());
  EXPECT_EQ(guard.Ask(One(200), kStart), DeleteVerdict::kPaused);
  ASSERT_TRUE(guard.Approve(50));
  EXPECT_EQ(guard.Ask({50, 200, 1'000'000}, kStart), DeleteVerdict::kAllowed);
  EXPECT_EQ(guard.Ask(One(150), kStart), DeleteVerdict::kPaused);
}

TEST(DeleteGuard, APauseAndTheCountsSurviveARestart) {
  DeleteGuard guard(Limits());
  EXPECT_EQ(guard.Ask({60, 60, 1'000'000}, kStart), DeleteVerdict::kAllowed);
  DeleteGuard second(Limits());
  second.Restore(guard.Save(kStart));
  EXPECT_EQ(second.Ask({41, 41, 1'000'000}, kStart + 60s), DeleteVerdict::kPaused);
  DeleteGuard third(Limits());
  third.Restore(second.Save(kStart + 60s));
  ASSERT_TRUE(third.paused());
  EXPECT_EQ(third.paused()->reason, second.paused()->reason);
  EXPECT_EQ(third.Ask(One(), kStart + 99h), DeleteVerdict::kPaused);
}

TEST(DeleteGuard, AClockThatStepsBackForgetsNothing) {
  DeleteGuard guard(Limits());
  EXPECT_EQ(guard.Ask({60, 60, 1'000'000}, kStart), DeleteVerdict::kAllowed);
  EXPECT_EQ(guard.Ask({40, 40, 1'000'000}, kStart - 5h), DeleteVerdict::kAllowed);
  EXPECT_EQ(guard.Ask(One(), kStart), DeleteVerdict::kPaused);
}

TEST(DeleteGuard, LimitsCanBeSwitchedOff) {
  DeleteGuard guard({.per_window = 0, .window = 3600s, .share = 1.0, .share_from = 0});
  EXPECT_EQ(guard.Ask({1'000'000, 1'000'000, 0}, kStart), DeleteVerdict::kAllowed);
  guard.Pause("An operator asked for it.", kStart);
  EXPECT_EQ(guard.Ask(One(), kStart), DeleteVerdict::kPaused);
}

}  // namespace
}  // namespace forebay::tier
