#include "tier/back_pressure.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using namespace std::chrono_literals;

Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }

constexpr std::uint64_t kDisk = 1000;

RoomFacts Facts(std::uint64_t used, std::uint64_t unsent, std::uint64_t evictable = 0) {
  return {
      .capacity = kDisk, .used = used, .unsent = unsent, .evictable = evictable, .evicting = false};
}

TEST(BackPressure, HoldsWhileBytesThatWaitKeepTheDisksAboveTheMark) {
  BackPressure pressure({});
  EXPECT_FALSE(pressure.may_hold());
  pressure.Look(Facts(950, 900));
  EXPECT_FALSE(pressure.held());  // at the mark, not above it
  EXPECT_EQ(pressure.WhyHeld(900), "");
  pressure.Look(Facts(980, 900));
  EXPECT_TRUE(pressure.held());
  EXPECT_NE(pressure.WhyHeld(0).find("900B wait"), std::string::npos) << pressure.WhyHeld(0);
  // Without them it would be as full: it is not for the lake to make room.
  pressure.Look(Facts(980, 29));
  EXPECT_FALSE(pressure.held());
  pressure.Look(Facts(980, 30));
  EXPECT_TRUE(pressure.held());
  // They have travelled, and were given up.
  pressure.Look(Facts(940, 30));
  EXPECT_FALSE(pressure.held());
  EXPECT_EQ(pressure.WhyHeld(30), "");
}

TEST(BackPressure, HoldsWhileBodiesWaitForALakeThatIsRoom) {
  BackPressure pressure({});
  RoomFacts facts = Facts(951, 0);
  facts.sendable = true;
  pressure.Look(facts);
  EXPECT_TRUE(pressure.held());
  EXPECT_NE(pressure.WhyOverflowHeld().find("overflow into a lake"), std::string::npos);
  EXPECT_EQ(pressure.WhyHeld(0), "") << "nothing of theirs waits";
  EXPECT_NE(pressure.WhyNoRoom(0).find("overflow into a lake"), std::string::npos);
  facts.used = 950;
  pressure.Look(facts);
  EXPECT_FALSE(pressure.held());
  EXPECT_EQ(pressure.WhyOverflowHeld(), "");
  facts = Facts(951, 951);  // of others; nothing is left to send
  pressure.Look(facts);
  EXPECT_EQ(pressure.WhyOverflowHeld(), "");
  EXPECT_NE(pressure.WhyHeld(0), "");
  facts = Facts(951, 0);
  pressure.Look(facts);
  EXPECT_FALSE(pressure.held());
  EXPECT_EQ(pressure.WhyNoRoom(0), "");
  EXPECT_NE(pressure.WhyNoRoom(0, /*sendable=*/true), "");
}

TEST(BackPressure, DisksThatNobodyLooksAtAreNeverFull) {
  BackPressure pressure({});
  pressure.Look({.capacity = 0, .used = 0, .unsent = 1 << 30, .evictable = 0, .evicting = false});
  EXPECT_FALSE(pressure.held());
  EXPECT_EQ(pressure.unsent(), 1u << 30);
}

TEST(BackPressure, AContainerHasALimitOfItsOwn) {
  BackPressure pressure({.percent = 95, .container_limit = 100});
  EXPECT_TRUE(pressure.may_hold());
  EXPECT_EQ(pressure.WhyHeld(99), "");
  const std::string why = pressure.WhyHeld(100);
  EXPECT_NE(why.find("lake.backlog_limit"), std::string::npos);
  EXPECT_NE(why.find("100B of 100B"), std::string::npos) << why;
}

TEST(BackPressure, ADiskWithoutRoomSaysWhetherThereWillBeSome) {
  BackPressure pressure({});
  pressure.Look(Facts(890, 0));
  EXPECT_EQ(pressure.WhyNoRoom(0), "");  // of other things: no lake helps
  EXPECT_EQ(pressure.WhyNoRoom(9), "");  // and less than a hundredth does not either
  // What the container's log says now counts, not what it said at the last look.
  EXPECT_NE(pressure.WhyNoRoom(10).find("10B wait"), std::string::npos);
  pressure.Look(Facts(890, 300));
  EXPECT_NE(pressure.WhyNoRoom(10).find("300B wait"), std::string::npos);
  pressure.Look(Facts(890, 0, 200));
  EXPECT_NE(pressure.WhyNoRoom(0).find("giving up"), std::string::npos);
  RoomFacts evicting = Facts(901, 0);
  evicting.evicting = true;
  pressure.Look(evicting);
  EXPECT_NE(pressure.WhyNoRoom(0).find("giving up"), std::string::npos);
}

TEST(BackPressure, ARefusalSaysWhenToComeBack) {
  BackPressure pressure({});
  const Error soon = pressure.Refusal("full", 0ms);
  EXPECT_EQ(soon.code(), Code::kServerBusy);
  EXPECT_EQ(soon.message(), "full");
  EXPECT_EQ(soon.retry_after(), 2s);
  EXPECT_EQ(pressure.Refusal("full", 7s).retry_after(), 7s);
  EXPECT_EQ(pressure.Refusal("full", 10min).retry_after(), 30s);
  EXPECT_EQ(pressure.refused(), 3u);
}

// The whole of it: a container whose link is down fills the disks.
class WritePressureTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kBlob = 10'000;

  void Begin(BackPressureOptions pressure = {}) {
    OffloadFixtureOptions options;
    options.tier.engine.limits.small_blob_bytes = 8;
    options.tier.placement.pressure = pressure;
    options.tier.placement.evict.disk = [this]() -> Result<DiskUse> {
      return DiskUse{.capacity = 10 * kBlob, .used = used_};
    };
    fixture_ = std::make_unique<OffloadFixture>(options);
    f().AttachReadWrite();
    ASSERT_TRUE(engine().MakeContainer("plain"));
    f().faulty_lake().SetLink(lake::LinkState::kDown);
  }
  void Pass() {
    const auto done = engine().Run(f().tier().placement_parts().evictor.Pass({}));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  Result<> Put(const std::string& name, const std::string& container = "box") {
    engine::TextReader reader(std::string(kBlob, 'x'));
    engine::PutBlobRequest request;
    request.target = engine().Blob(name, container);
    request.body = &reader;
    FB_RETURN_IF_ERROR(
        engine().Run(engine::PutBlob(f().tier_fixture().services(), {}, std::move(request))));
    return {};
  }
  std::string Held() { return f().tier().Status().front().writes_held; }
  OffloadFixture& f() { return *fixture_; }
  engine::EngineFixture& engine() { return f().engine(); }

  std::atomic<std::uint64_t> used_{0};
  std::unique_ptr<OffloadFixture> fixture_;
};

TEST_F(WritePressureTest, WritesWaitUntilWhatWaitsHasTravelledAndWasGivenUp) {
  Begin();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Put("a" + std::to_string(i)));
  used_ = 98 * kBlob / 10;
  Pass();
  const auto refused = Put("late");
  ASSERT_EQ(CodeOf(refused), Code::kServerBusy);
  EXPECT_NE(refused.error().message().find("48.8KiB wait"), std::string::npos)
      << refused.error().message();
  EXPECT_GE(refused.error().retry_after(), std::chrono::seconds(2));
  EXPECT_EQ(Held(), refused.error().message());
  const CacheStatus status = f().tier().placement().Cache();
  EXPECT_TRUE(status.writes_held);
  EXPECT_EQ(status.unsent_bytes, 5 * kBlob);
  EXPECT_EQ(status.writes_refused, 1u);
  // Everything else goes on: reads, deletes, and containers that have no lake.
  EXPECT_TRUE(engine().Read("a0"));
  EXPECT_TRUE(engine().Delete("a0"));
  EXPECT_TRUE(Put("mine", "plain"));
  // The lake has them, but they are still here.
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(engine().LinkedChunks(), 5u);
  Pass();
  EXPECT_EQ(Held(), "");
  // All but that of "plain". The walk that finds them may be put off a little.
  EXPECT_TRUE(f().Until([this] {
    Pass();
    return engine().LinkedChunks() == 1;
  }));
  EXPECT_TRUE(Put("late"));
  EXPECT_TRUE(engine().Read("a4"));
}

TEST_F(WritePressureTest, AContainerHasALimit) {
  Begin({.percent = 95, .container_limit = 3 * kBlob});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Put("a" + std::to_string(i)));
  // A look that would block takes the write for admitted; the next one knows.
  EXPECT_TRUE(f().Until([this] { return CodeOf(Put("late")) == Code::kServerBusy; }));
  EXPECT_NE(Held().find("lake.backlog_limit"), std::string::npos) << Held();
  EXPECT_TRUE(Put("mine", "plain"));
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  EXPECT_TRUE(f().Until([this] { return Put("late").has_value(); }));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(Held(), "");
}

TEST_F(WritePressureTest, ADiskWithoutRoomIsAMatterOfTimeWhereBytesTravel) {
  Begin();
  const auto full = [this](const std::string& container) {
    engine().chunks().FailNextWrites(Code::kNoSpace);
    const Code code = CodeOf(Put("b", container));
    engine().chunks().FailNextWrites(Code::kNoSpace, 0);
    return code;
  };
  EXPECT_EQ(full("box"), Code::kNoSpace);  // nothing waits
  ASSERT_TRUE(Put("a"));
  EXPECT_TRUE(f().Until([&] { return full("box") == Code::kServerBusy; }));
  EXPECT_EQ(full("plain"), Code::kNoSpace);
}

}  // namespace
}  // namespace forebay::tier
