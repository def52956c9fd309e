#include "tier/schedule.h"

#include <gtest/gtest.h>

namespace forebay::tier {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
// 2026-11-16 was a Monday.
constexpr WallTime kMonday = WallTime::FromSeconds(1'794'787'200);

WallTime At(int day, int hour, int minute) {
  return kMonday + std::chrono::hours(24 * day + hour) + std::chrono::minutes(minute);
}

Schedule Parsed(std::string_view text) {
  auto schedule = Schedule::Parse(text);
  EXPECT_TRUE(schedule) << text << ": " << (schedule ? "" : schedule.error().message());
  return schedule ? *schedule : Schedule();
}

TEST(Schedule, TheFirstRuleThatFitsDecides) {
  const Schedule schedule = Parsed("08:00-18:00=200MiB/s, *=unlimited");
  EXPECT_TRUE(schedule.At(At(0, 7, 59)).unlimited());
  EXPECT_EQ(schedule.At(At(0, 8, 0)), Rate::BytesPerSecond(200 * kMiB));
  EXPECT_EQ(schedule.At(At(6, 17, 59)), Rate::BytesPerSecond(200 * kMiB));
  EXPECT_TRUE(schedule.At(At(0, 18, 0)).unlimited());
  const Schedule lunch = Parsed("12:00-13:00=1GiB/s,08:00-18:00=1MiB/s,*=paused");
  EXPECT_EQ(lunch.At(At(2, 12, 30)), Rate::BytesPerSecond(1024 * kMiB));
  EXPECT_EQ(lunch.At(At(2, 13, 0)), Rate::BytesPerSecond(kMiB));
  EXPECT_TRUE(lunch.At(At(2, 3, 0)).paused());
}

TEST(Schedule, Weekdays) {
  const Schedule schedule = Parsed("mon-FRI 08:00-18:00=1MiB/s, Sat+Sun=2MiB/s");
  EXPECT_EQ(schedule.At(At(4, 9, 0)), Rate::BytesPerSecond(kMiB));
  EXPECT_EQ(schedule.At(At(5, 9, 0)), Rate::BytesPerSecond(2 * kMiB));
  EXPECT_EQ(schedule.At(At(6, 23, 59)), Rate::BytesPerSecond(2 * kMiB));
  EXPECT_TRUE(schedule.At(At(7, 0, 0)).unlimited());
  const Schedule wrapped = Parsed("Sat-Mon=paused");
  EXPECT_TRUE(wrapped.At(At(0, 12, 0)).paused());
  EXPECT_TRUE(wrapped.At(At(1, 0, 0)).unlimited());
  EXPECT_TRUE(wrapped.At(At(5, 0, 0)).paused());
}

TEST(Schedule, HoursPastMidnightBelongToTheDayTheyBeginOn) {
  const Schedule schedule = Parsed("Fri 22:00-06:00=1MiB/s");
  EXPECT_TRUE(schedule.At(At(4, 5, 0)).unlimited());
  EXPECT_FALSE(schedule.At(At(4, 22, 0)).unlimited());
  EXPECT_FALSE(schedule.At(At(5, 5, 59)).unlimited());
  EXPECT_TRUE(schedule.At(At(5, 6, 0)).unlimited());
  EXPECT_TRUE(schedule.At(At(5, 22, 0)).unlimited());
  const Schedule sunday = Parsed("Sun 23:00-01:00=1MiB/s");
  EXPECT_FALSE(sunday.At(At(0, 0, 30)).unlimited()) << "the week goes round";
}

TEST(Schedule, KnowsWhenItChangesNext) {
  const Schedule schedule = Parsed("Mon-Fri 08:00-18:00=1MiB/s");
  EXPECT_EQ(schedule.NextChange(At(0, 7, 0)), At(0, 8, 0));
  EXPECT_EQ(schedule.NextChange(At(0, 8, 0)), At(0, 18, 0));
  EXPECT_EQ(schedule.NextChange(At(4, 18, 0)), At(7, 8, 0)) << "over the weekend";
  EXPECT_EQ(schedule.NextChange(At(0, 7, 59) + 59s), At(0, 8, 0)) << "seconds do not matter";
  EXPECT_EQ(Parsed("1MiB/s").NextChange(kMonday), std::nullopt);
  EXPECT_EQ(Parsed("08:00-09:00=unlimited").NextChange(kMonday), std::nullopt);
  EXPECT_EQ(Schedule().NextChange(kMonday), std::nullopt);
}

TEST(Schedule, NextChangeAgreesWithAskingEveryMinute) {
  for (const std::string_view text :
       {"Mon-Fri 08:00-18:00=1MiB/s, 22:00-06:00=paused", "Sun 23:30-00:30=1MiB/s, Wed=2MiB/s",
        "00:00-24:00=1MiB/s", "Tue+Thu 12:00-12:01=paused, Sat-Mon 20:00-04:00=3MiB/s"}) {
    const Schedule schedule = Parsed(text);
    std::optional<WallTime> expected;
    for (int minute = 2 * 7 * 24 * 60; minute-- > 0;) {
      const WallTime now = kMonday + std::chrono::minutes(minute);
      const WallTime next = now + 1min;
      if (schedule.At(now) != schedule.At(next)) expected = next;
      if (minute < 7 * 24 * 60) {
        ASSERT_EQ(schedule.NextChange(now), expected) << text << " at minute " << minute;
      }
    }
  }
}

TEST(Schedule, TheZoneShiftsTheDay) {
  const Schedule schedule = Parsed("Tue 00:00-01:00=1MiB/s");
  EXPECT_FALSE(schedule.At(At(0, 23, 0), 60min).unlimited());
  EXPECT_TRUE(schedule.At(At(0, 23, 0)).unlimited());
  EXPECT_FALSE(schedule.At(At(1, 5, 30), -330min).unlimited());
  EXPECT_EQ(schedule.NextChange(At(0, 22, 0), 60min), At(0, 23, 0));
}

TEST(Schedule, PrintsWhatReadsBack) {
  for (const std::string_view text : {"*=200MiB/s", "08:00-18:00=200MiB/s, *=unlimited",
                                      "Mon-Fri=paused, Sat-Sun 10:00-24:00=1GiB/s",
                                      "Mon+Wed+Fri-Sun 23:00-01:00=1234567B/s", ""}) {
    const Schedule schedule = Parsed(text);
    EXPECT_EQ(schedule.ToString(), text);
    EXPECT_EQ(Parsed(schedule.ToString()), schedule);
  }
  EXPECT_EQ(Parsed("5MiB/s").ToString(), "*=5MiB/s");
}

TEST(Schedule, ErrorsSayWhatIsExpected) {
  auto error = [](std::string_view text) {
    auto schedule = Schedule::Parse(text);
    if (schedule) return std::string("accepted");
    EXPECT_EQ(schedule.error().code(), Code::kInvalidInput);
    return schedule.error().message();
  };
  EXPECT_EQ(error("08:00-18:00=fast"),
            "The rule \"08:00-18:00=fast\" of the schedule: \"fast\" is not a rate; write a size a "
            "second such as \"200MiB/s\", \"unlimited\" or \"paused\".");
  EXPECT_EQ(error("*=1MiB/s, 8-18=1MiB/s"),
            "The rule \"8-18=1MiB/s\" of the schedule: \"8-18\" is not a time; write "
            "\"08:00-18:00\", \"Mon-Fri 08:00-18:00\", \"Sat+Sun\" or \"*\".");
  for (const std::string_view bad :
       {"08:00-08:00=1MiB/s", "24:00-08:00=1MiB/s", "=1MiB/s", "*=0B/s", "*=1MiB", ",", "*=1MiB/s,",
        "25:00-26:00=1MiB/s", "08:60-09:00=1MiB/s", "Mon-=1MiB/s", "Foo 08:00-09:00=1MiB/s",
        "Mon 08:00=1MiB/s", "08:00-09:00 Mon=1MiB/s"}) {
    EXPECT_NE(error(bad), "accepted") << bad;
  }
  std::string many = "*=1MiB/s";
  for (int i = 0; i < 64; ++i) many += ",*=1MiB/s";
  EXPECT_EQ(error(many), "The schedule has more than 64 rules.");
}

TEST(RateBucket, KeepsTheRateAndMakesUpForLittleIdleTime) {
  ManualClock clock;
  RateBucket bucket(100ms);
  const Rate rate = Rate::BytesPerSecond(1000);
  std::uint64_t sent = 0;
  const SteadyTime start = clock.SteadyNow();
  while (clock.SteadyNow() - start < 10s) {
    clock.Advance(*bucket.Take(10, rate, clock.SteadyNow()));
    sent += 10;
  }
  EXPECT_NEAR(static_cast<double>(sent), 10'000, 150);
  clock.Advance(60s);
  std::uint64_t at_once = 0;
  while (*bucket.Take(10, rate, clock.SteadyNow()) == 0ns) at_once += 10;
  EXPECT_LE(at_once, 120U) << "a minute of silence is not made up for";
  EXPECT_GE(at_once, 100U);
}

TEST(RateBucket, PausedAndUnlimited) {
  ManualClock clock;
  RateBucket bucket(0ms);
  EXPECT_EQ(bucket.Take(1, Rate::Paused(), clock.SteadyNow()), std::nullopt);
  EXPECT_EQ(bucket.Take(1 << 30, Rate::Unlimited(), clock.SteadyNow()), 0ns);
  EXPECT_EQ(bucket.Take(1000, Rate::BytesPerSecond(1000), clock.SteadyNow()), 0ns);
  EXPECT_EQ(bucket.Take(1, Rate::BytesPerSecond(1000), clock.SteadyNow()), 1s);
  EXPECT_EQ(bucket.Take(1, Rate::Unlimited(), clock.SteadyNow()), 0ns)
      << "a debt ends with the limit";
}

}  // namespace
}  // namespace forebay::tier
