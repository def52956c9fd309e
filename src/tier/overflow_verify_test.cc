#include "tier/overflow_verify.h"

#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

class OverflowVerifyTest : public ::testing::Test {
 protected:
  OverflowReport Verify(VerifyOptions options = {}) {
    auto report =
        f_.engine().Run(VerifyOverflow(f_.services(), {}, f_.mover(), f_.attachment(), options));
    EXPECT_TRUE(report) << report.error().ToString();
    return report.value_or(OverflowReport{});
  }

  OverflowFixture f_;
};

TEST_F(OverflowVerifyTest, SaysOfEachBlobWhatIsWrong) {
  for (const char* name : {"cut", "here", "lost", "replaced", "whole"}) {
    ASSERT_TRUE(f_.engine().Put(name, Pattern(5'000)));
    if (std::string(name) != "here") ASSERT_EQ(f_.Evict(name)->evicted, 1u);
  }
  OverflowReport report = Verify({.names_per_page = 2});
  EXPECT_EQ(report.blobs, 4u);
  EXPECT_EQ(report.bytes, 20'000u);
  EXPECT_EQ(report.objects, 4u);
  EXPECT_EQ(report.damaged + report.to_delete + report.unowned + report.foreign, 0u);
  f_.lake().Plant(f_.ObjectOf("cut"), "short");
  f_.lake().Plant(f_.ObjectOf("replaced"), Pattern(5'000, 9));
  f_.lake().Remove(f_.ObjectOf("lost"));
  report = Verify({.names_per_page = 2});
  EXPECT_EQ(report.damaged, 3u);
  ASSERT_EQ(report.damage.size(), 3u);
  EXPECT_EQ(report.damage[0].name, "cut");
  EXPECT_EQ(report.damage[0].object, f_.ObjectOf("cut"));
  EXPECT_EQ(report.damage[0].what, "has 5 bytes instead of 5000");
  EXPECT_EQ(report.damage[1].name, "lost");
  EXPECT_EQ(report.damage[1].what, "is missing");
  EXPECT_EQ(report.damage[2].name, "replaced");
  EXPECT_EQ(report.objects, 3u);
  report = Verify({.most_damage = 1});
  EXPECT_EQ(report.damaged, 3u);
  EXPECT_EQ(report.damage.size(), 1u);
}

TEST_F(OverflowVerifyTest, CountsWhatNobodyNames) {
  ASSERT_TRUE(f_.engine().Put("deleted", Pattern(900)));
  ASSERT_TRUE(f_.engine().Put("kept", Pattern(900, 2)));
  ASSERT_EQ(f_.Evict()->evicted, 2u);
  ASSERT_TRUE(f_.engine().Delete("deleted"));
  f_.engine().Sweep();
  f_.lake().Plant(engine::LakeObjectName(meta::BodyId(0xFFFF'0000)), "left by a process");
  f_.lake().Plant("somebody's", "text");
  const OverflowReport report = Verify();
  EXPECT_EQ(report.blobs, 1u);
  EXPECT_EQ(report.objects, 3u);
  EXPECT_EQ(report.to_delete, 1u);
  EXPECT_EQ(report.unowned, 1u);
  EXPECT_EQ(report.foreign, 1u);
  EXPECT_EQ(report.damaged, 0u);
  EXPECT_EQ(f_.Objects().size(), 4u) << "it changes nothing";
}

// What changes on both sides while it looks is no damage.
TEST_F(OverflowVerifyTest, WhatMovesMeanwhileIsNotDamaged) {
  ASSERT_TRUE(f_.engine().Put("a", Pattern(900)));
  ASSERT_TRUE(f_.engine().Put("b", Pattern(900, 2)));
  ASSERT_EQ(f_.Evict("a")->evicted, 1u);
  bool once = false;
  f_.lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation != lake::LakeOperation::kList || std::exchange(once, true)) return;
    EXPECT_EQ(f_.Evict("b")->evicted, 1u);  // after it was listed
    EXPECT_TRUE(f_.engine().Put("a", Pattern(900, 3)));
  });
  const OverflowReport report = Verify();
  f_.lake().OnRequest(nullptr);
  EXPECT_TRUE(once);
  EXPECT_EQ(report.damaged, 0u);
  EXPECT_EQ(report.blobs, 1u);
}

TEST_F(OverflowVerifyTest, ALakeThatIsAwayIsNoDamage) {
  ASSERT_TRUE(f_.engine().Put("a", Pattern(900)));
  ASSERT_EQ(f_.Evict()->evicted, 1u);
  f_.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_FALSE(f_.engine().Run(VerifyOverflow(f_.services(), {}, f_.mover(), f_.attachment())));
}

}  // namespace
}  // namespace forebay::tier
