#include "lake/limits.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace forebay::lake
