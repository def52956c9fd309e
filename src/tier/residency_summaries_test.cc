#include "tier/residency_summaries.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/run_sync.h"

namespace forebay::tier {
namespace {

constexpr std::chrono::minutes kLong{2};

class ResidencySummariesTest : public ::testing::Test {
 protected:
  void TearDown() override {
    gate_->Set();
    loop_.Stop();
  }
  static engine::ContainerTarget Box() {
    return {{azure::AccountName("acct"), false}, azure::ContainerName("box")};
  }
  // Waits for the gate; answers how often it was called, as bytes.
  static Task<ContainerResidency> CountOnce(ResidencySummariesTest* self) {
    const std::uint64_t number = ++self->counted_;
    FB_CO_RETURN_IF_ERROR(co_await self->gate_->Wait({}));
    if (self->fail_) co_return Fail(Code::kStale, "detached");
    ContainerResidency counts;
    counts.bytes = number;
    co_return counts;
  }
  std::optional<KnownResidency> Of(std::chrono::milliseconds patience,
                                   std::uint64_t generation = 1) {
    auto known = RunSync(summaries_.Of({}, Box(), generation, patience));
    EXPECT_TRUE(known);
    return known ? *known : std::nullopt;
  }

  std::shared_ptr<Event> gate_ = std::make_shared<Event>();
  std::atomic<std::uint64_t> counted_{0};
  std::atomic<bool> fail_{false};
  WorkerLoop loop_{1};
  ResidencySummaries summaries_{
      loop_, [this](OpContext, engine::ContainerTarget) { return CountOnce(this); }};
};

TEST_F(ResidencySummariesTest, ACheapCountIsWaitedFor) {
  gate_->Set();
  const auto known = Of(kLong);
  ASSERT_TRUE(known);
  EXPECT_GE(known->counts.bytes, 1u);
  EXPECT_LT(known->age, kLong);
}

TEST_F(ResidencySummariesTest, NobodyWaitsLongerThanAsked) {
  EXPECT_FALSE(Of(std::chrono::milliseconds(1))) << "it is still being counted";
  EXPECT_FALSE(Of(std::chrono::milliseconds(1)));
  for (int i = 0; i < 30'000 && counted_ == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_FALSE(Of(std::chrono::milliseconds(1)));
  EXPECT_EQ(counted_, 1u) << "one count for all who ask";
  gate_->Set();
  const auto known = Of(kLong);
  ASSERT_TRUE(known);
  EXPECT_GE(known->counts.bytes, 1u);
}

TEST_F(ResidencySummariesTest, AnotherAttachmentIsCountedAnew) {
  gate_->Set();
  ASSERT_TRUE(Of(kLong, 1));
  const std::uint64_t before = counted_;
  const auto other = Of(kLong, 2);
  ASSERT_TRUE(other);
  EXPECT_GT(other->counts.bytes, before);
}

TEST_F(ResidencySummariesTest, WhatCannotBeCountedIsNotMadeUp) {
  gate_->Set();
  fail_ = true;
  EXPECT_FALSE(Of(kLong));
  fail_ = false;
  EXPECT_TRUE(Of(kLong));
}

}  // namespace
}  // namespace forebay::tier
