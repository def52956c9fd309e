#include "tier/circuit_breaker.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::tier {
namespace {

using namespace std::chrono_literals;

class CircuitBreakerTest : public testing::Test {
 protected:
  SteadyTime now() const { return clock_.SteadyNow(); }
  void FailOnce() {
    auto ticket = breaker_.TryBegin(now());
    ASSERT_TRUE(ticket);
    breaker_.Unreachable(*ticket, now());
  }
  void OpenIt() {
    for (int i = 0; i < 3; ++i) FailOnce();
    ASSERT_TRUE(breaker_.open(now()));
  }

  ManualClock clock_;
  CircuitBreakerOptions options_{.jitter = 0.0};
  CircuitBreaker breaker_{options_, 1};
};

TEST_F(CircuitBreakerTest, ARowOfFailuresOpensItAndAnAnswerStartsTheRowAnew) {
  FailOnce();
  FailOnce();
  breaker_.Answered(*breaker_.TryBegin(now()), now());
  FailOnce();
  FailOnce();
  EXPECT_EQ(breaker_.state(now()), CircuitState::kClosed);
  FailOnce();
  EXPECT_EQ(breaker_.state(now()), CircuitState::kOpen);
}

TEST_F(CircuitBreakerTest, TwoSlowFailuresAreEnough) {
  FailOnce();
  clock_.Advance(999ms);
  FailOnce();
  EXPECT_EQ(breaker_.state(now()), CircuitState::kClosed);
  CircuitBreaker slow(options_, 1);
  slow.Unreachable(*slow.TryBegin(now()), now());
  clock_.Advance(1s);
  EXPECT_EQ(slow.state(now()), CircuitState::kClosed) << "one failure, however old, opens nothing";
  slow.Unreachable(*slow.TryBegin(now()), now());
  EXPECT_EQ(slow.state(now()), CircuitState::kOpen);
}

TEST_F(CircuitBreakerTest, OpenItRefusesAtOnceAndSaysWhenToComeBack) {
  OpenIt();
  clock_.Advance(200ms);
  auto refused = breaker_.TryBegin(now());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kOffline);
  EXPECT_EQ(refused.error().retry_after(), 300ms);
  EXPECT_EQ(breaker_.RetryAfter(now()), 300ms);
  clock_.Advance(300ms);
  EXPECT_TRUE(breaker_.TryBegin(now())) << "who comes back when told to is let through";
}

TEST_F(CircuitBreakerTest, OneProbeAtATime) {
  OpenIt();
  clock_.Advance(500ms);
  auto probe = breaker_.TryBegin(now());
  ASSERT_TRUE(probe);
  EXPECT_TRUE(probe->probe);
  EXPECT_EQ(breaker_.state(now()), CircuitState::kHalfOpen);
  EXPECT_FALSE(breaker_.TryBegin(now()));
  breaker_.Answered(*probe, now());
  EXPECT_EQ(breaker_.state(now()), CircuitState::kClosed);
  EXPECT_FALSE(breaker_.TryBegin(now())->probe);
}

TEST_F(CircuitBreakerTest, PausesDoubleUpToTheLongestAndStartAnewAfterAnAnswer) {
  OpenIt();
  std::chrono::milliseconds expected = 500ms;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(breaker_.RetryAfter(now()), expected);
    clock_.Advance(expected);
    FailOnce();
    expected = std::min<std::chrono::milliseconds>(expected * 2, 30s);
  }
  EXPECT_EQ(expected, 30s);
  clock_.Advance(30s);
  breaker_.Answered(*breaker_.TryBegin(now()), now());
  OpenIt();
  EXPECT_EQ(breaker_.RetryAfter(now()), 500ms);
}

TEST_F(CircuitBreakerTest, JitterStaysWithinItsShareAndDiffersBetweenServers) {
  std::set<std::int64_t> pauses;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CircuitBreaker breaker({.jitter = 0.2}, seed * 0x9E3779B97F4A7C15ULL);
    for (int i = 0; i < 3; ++i) breaker.Unreachable(*breaker.TryBegin(now()), now());
    const auto pause = breaker.RetryAfter(now());
    EXPECT_GE(pause, 400ms);
    EXPECT_LE(pause, 600ms);
    pauses.insert(pause.count());
  }
  EXPECT_GT(pauses.size(), 25U);
}

TEST_F(CircuitBreakerTest, AProbeThatHangsIsReplaced) {
  OpenIt();
  clock_.Advance(500ms);
  const CircuitTicket lost = *breaker_.TryBegin(now());
  clock_.Advance(9'999ms);
  EXPECT_FALSE(breaker_.TryBegin(now()));
  clock_.Advance(1ms);
  auto second = breaker_.TryBegin(now());
  ASSERT_TRUE(second);
  breaker_.Unreachable(lost, now());
  EXPECT_EQ(breaker_.state(now()), CircuitState::kHalfOpen) << "the lost one has no say any more";
  breaker_.Answered(*second, now());
  EXPECT_EQ(breaker_.state(now()), CircuitState::kClosed);
}

TEST_F(CircuitBreakerTest, AProbeWhoseReaderLeftLetsTheNextOneProbe) {
  OpenIt();
  clock_.Advance(500ms);
  breaker_.Abandoned(*breaker_.TryBegin(now()), now());
  auto next = breaker_.TryBegin(now());
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->probe);
}

TEST_F(CircuitBreakerTest, RequestsFromBeforeTheOpeningSayNothing) {
  const CircuitTicket early = *breaker_.TryBegin(now());
  const CircuitTicket late = *breaker_.TryBegin(now());
  OpenIt();
  breaker_.Answered(early, now());
  EXPECT_EQ(breaker_.state(now()), CircuitState::kOpen);
  clock_.Advance(500ms);
  breaker_.Answered(*breaker_.TryBegin(now()), now());
  breaker_.Unreachable(late, now());
  breaker_.Unreachable(late, now());
  breaker_.Unreachable(late, now());
  EXPECT_EQ(breaker_.state(now()), CircuitState::kClosed);
}

TEST_F(CircuitBreakerTest, ABlackHoleCostsReadersTheirPatienceOnceAndThenNothing) {
  // Three readers at once, each gives up after the patience; from then on refusals cost no time.
  const SteadyTime start = now();
  const CircuitTicket readers[] = {*breaker_.TryBegin(start), *breaker_.TryBegin(start),
                                   *breaker_.TryBegin(start)};
  clock_.Advance(options_.first_byte_patience);
  for (const CircuitTicket& reader : readers) breaker_.Unreachable(reader, now());
  ASSERT_TRUE(breaker_.open(now()));
  EXPECT_LT(now() - start, 1s);
  auto refused = breaker_.TryBegin(now());
  ASSERT_FALSE(refused);
  EXPECT_GT(refused.error().retry_after(), 0ms);
}

TEST_F(CircuitBreakerTest, ItKnowsSinceWhen) {
  EXPECT_FALSE(breaker_.open_since());
  const SteadyTime first = now();
  FailOnce();
  clock_.Advance(100ms);
  FailOnce();
  FailOnce();
  EXPECT_EQ(breaker_.open_since(), first);
  breaker_.Reset();
  EXPECT_FALSE(breaker_.open_since());
  EXPECT_TRUE(breaker_.TryBegin(now()));
}

}  // namespace
}  // namespace forebay::tier
