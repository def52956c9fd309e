#include "lake/limits.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, LetsEverythingThroughWithoutARate) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Reserve(1u << 30, SteadyTime(1h)), 0ns);
  EXPECT_FALSE(bucket.limited());
}

TEST(TokenBucket, KeepsItsRate) {
  TokenBucket bucket;
  bucket.SetRate(1'000'000);
  SteadyTime now = SteadyTime(1000h);
  // A tenth of a second is saved up.
  EXPECT_EQ(bucket.Reserve(100'000, now), 0ns);
  EXPECT_NEAR(static_cast<double>(bucket.Reserve(500'000, now).count()), 0.5e9, 1e6);
  EXPECT_NEAR(static_cast<double>(bucket.Reserve(500'000, now).count()), 1.0e9, 1e6);
  now += 1s;
  EXPECT_NEAR(static_cast<double>(bucket.Reserve(250'000, now).count()), 0.25e9, 1e6);
  // An idle hour saves no more than that tenth.
  now += 1h;
  EXPECT_NEAR(static_cast<double>(bucket.Reserve(1'000'000, now).count()), 0.9e9, 1e6);
  bucket.SetRate(0);
  EXPECT_EQ(bucket.Reserve(1'000'000, now), 0ns);
}

TEST(TokenBucket, StandsStillWhilePausedAndGoesOnAfterwards) {
  TokenBucket bucket;
  bucket.SetRate(TokenBucket::kPaused);
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + 50ms;
  const auto waited = RunSync(bucket.Take(1, context));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code(), Code::kDeadlineExceeded);
  bucket.SetRate(1 << 30);
  EXPECT_TRUE(RunSync(bucket.Take(1, {})));
}

}  // namespace
}  // namespace forebay::lake
