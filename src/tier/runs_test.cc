#include "tier/runs.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::tier {
namespace {

class RunsTest : public ::testing::Test {
 protected:
  static constexpr meta::BodyId kBody{77};

  bool Add(std::uint64_t start, std::uint64_t end) {
    bool added = false;
    EXPECT_TRUE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      const tier::Run run{{start, end},
                          {{{0, start + 1}, 0, static_cast<std::uint32_t>(end - start)}}};
      FB_ASSIGN_OR_RETURN(added, AddRun(txn, kBody, run));
      return {};
    }));
    return added;
  }
  std::unique_ptr<kv::Reader> Snapshot() { return engine_.store().GetSnapshot(); }

  engine::EngineFixture engine_;
};

TEST_F(RunsTest, NeverOverlap) {
  EXPECT_TRUE(Add(100, 200));
  for (const auto& [start, end] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {100, 200}, {150, 160}, {0, 101}, {199, 300}, {0, 1000}}) {
    EXPECT_FALSE(Add(start, end)) << start;
  }
  EXPECT_TRUE(Add(0, 100));
  EXPECT_TRUE(Add(200, 300));
  EXPECT_EQ(ResidentBytes(*Snapshot(), kBody).value(), 300u);
}

TEST_F(RunsTest, AnOffsetIsInARunOrInAGap) {
  ASSERT_TRUE(Add(100, 200));
  ASSERT_TRUE(Add(300, 400));
  const auto in_run = PlaceOf(*Snapshot(), kBody, 199, 1000);
  ASSERT_TRUE(in_run && in_run->run);
  EXPECT_EQ(in_run->run->span, (Span{100, 200}));
  EXPECT_EQ(PlaceOf(*Snapshot(), kBody, 200, 1000)->gap, (Span{200, 300}));
  EXPECT_EQ(PlaceOf(*Snapshot(), kBody, 50, 1000)->gap, (Span{0, 100}));
  EXPECT_EQ(PlaceOf(*Snapshot(), kBody, 999, 1000)->gap, (Span{400, 1000}));
}

// Whatever was given up far behind is not stepped over, and what begins there is not missed here.
TEST_F(RunsTest, AGapIsLookedAtAsFarAsARunMayReach) {
  constexpr std::uint64_t kM = 1 << 20;
  ASSERT_TRUE(Add(5 * kM, 9 * kM));
  const Place far = PlaceOf(*Snapshot(), kBody, 0, 100 * kM).value();
  EXPECT_EQ(far.gap, (Span{0, 4 * kM}));
  EXPECT_EQ(PlaceOf(*Snapshot(), kBody, 2 * kM, 100 * kM)->gap.end, 5 * kM);
  for (const std::uint64_t offset : {5 * kM, 7 * kM, 9 * kM - 1}) {
    EXPECT_TRUE(PlaceOf(*Snapshot(), kBody, offset, 100 * kM)->run) << offset;
    EXPECT_EQ(RunsIn(*Snapshot(), kBody, {offset, offset + 1}, 9)->size(), 1u) << offset;
  }
  EXPECT_EQ(RunsIn(*Snapshot(), kBody, {0, ~std::uint64_t{0}}, 9)->size(), 1u);
  bool refused = false;
  ASSERT_TRUE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    refused = !AddRun(txn, kBody, {{20 * kM, 24 * kM + 1}, {}});
    return {};
  }));
  EXPECT_TRUE(refused);
}

TEST_F(RunsTest, DroppingGivesTheBytesBackAndLeavesTheOthers) {
  ASSERT_TRUE(Add(0, 100));
  ASSERT_TRUE(Add(100, 200));
  ASSERT_TRUE(Add(300, 400));
  std::uint64_t dropped = 0;
  ASSERT_TRUE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(dropped, DropRuns(engine_.services(), txn, kBody, {99, 101}));
    return {};
  }));
  EXPECT_EQ(dropped, 200u);
  EXPECT_EQ(ResidentBytes(*Snapshot(), kBody).value(), 100u);
  EXPECT_EQ(RunsIn(*Snapshot(), kBody, {0, 1000}, 10)->size(), 1u);
}

TEST_F(RunsTest, ExtentsAreCutToTheRange) {
  const tier::Run run{{1000, 1300}, {{{7, 1}, 5, 100}, {{7, 2}, 0, 200}}};
  EXPECT_EQ(ExtentsOfRun(run, 1000, 300), run.extents);
  EXPECT_EQ(ExtentsOfRun(run, 1090, 20),
            (std::vector<meta::Extent>{{{7, 1}, 95, 10}, {{7, 2}, 0, 10}}));
  EXPECT_EQ(ExtentsOfRun(run, 1299, 1), (std::vector<meta::Extent>{{{7, 2}, 199, 1}}));
}

}  // namespace
}  // namespace forebay::tier
