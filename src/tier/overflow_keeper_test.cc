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
  EXPECT_EQ(f.lake().Names().size(), left + 1);
  // An answer that was lost is found out: it is gone.
  f.faulty_lake().FailNext({.kind = Fault::Kind::kLostAnswer}, LakeOperation::kDelete);
  EXPECT_FALSE(f.Turn());
  ASSERT_TRUE(f.Turn());
  EXPECT_EQ(f.Overflow().to_delete, 0u);
  EXPECT_EQ(f.lake().Names().size(), 1u);
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
  EXPECT_EQ(f.lake().Names(),
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

}  // namespace
}  // namespace forebay::tier
