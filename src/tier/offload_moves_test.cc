// Moves of single files that a process was in the middle of when it ended.
#include <gtest/gtest.h>

#include "engine/sweeper.h"
#include "tier/site_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

// The parameter says whether the lake is hierarchical.
class OffloadMovesTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    SiteOptions options;
    options.engine.hierarchical = true;
    site_.emplace(lake_, options);
  }
  engine::EngineFixture& engine() { return site_->engine(); }

  void Sync() {
    site_->link().Heal();
    const auto synced = site_->Sync();
    ASSERT_TRUE(synced) << synced.error().ToString();
  }
  // The process ends once the lake has moved the file, and notes nothing of it; the next one does
  // not reach the lake yet.
  void EndAfterTheMove(const std::string& from, const std::string& to) {
    engine().store().FailNext(Code::kIo, 1'000'000);
    site_->link().Heal();
    ASSERT_TRUE(Site::Eventually([&] { return !lake_.Bytes(from) && lake_.Bytes(to); }));
    site_->tier().Stop();
    engine().store().FailNext(Code::kIo, 0);
    site_->link().SetLink(lake::LinkState::kDown);
    site_->Restart();
  }

  const std::string bytes_ = Pattern(5'000, 3);
  lake::MemoryLake lake_{{.hierarchical = GetParam()}};
  std::optional<Site> site_;
};

// Only the lake has its bytes, nobody here knows its old name any more, and there is nothing under
// it: what is under the new one is what moved there.
TEST_P(OffloadMovesTest, AMoveOutOfADirectoryThatWentIsRecognised) {
  ASSERT_TRUE(engine().Put("d/file", bytes_));
  Sync();
  ASSERT_TRUE(engine().Run(site_->tier().placement().EvictNow({}, engine().Container(), "**")));
  ASSERT_TRUE(engine().Properties("d/file")->record.body.in_lake);
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site_->Rename("d/file", "file"));
  ASSERT_TRUE(site_->DeleteTree("d"));
  // What was known of the directory is noted by then, so that nothing needs the store.
  ASSERT_TRUE(engine::Sweeper(engine().services()).RunOnce());
  EndAfterTheMove("d/file", "file");
  ASSERT_TRUE(site_->SetMetadata("file", {{"k", "v"}}));
  Sync();
  EXPECT_TRUE(site_->Conflicts().empty());
  EXPECT_EQ(lake_.State("file")->metadata, (azure::Metadata{{"k", "v"}}));
  EXPECT_EQ(engine().Properties("file")->record.lake->etag, lake_.State("file")->etag().str());
  EXPECT_EQ(site_->Read("file"), bytes_);
}

// The same where somebody else has taken it away: nothing stands for it.
TEST_P(OffloadMovesTest, WhatSomebodyElseTookAwayWasNotMoved) {
  ASSERT_TRUE(engine().Put("d/file", bytes_));
  Sync();
  ASSERT_TRUE(engine().Run(site_->tier().placement().EvictNow({}, engine().Container(), "**")));
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site_->Rename("d/file", "file"));
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Remove("d/file");
  Sync();
  ASSERT_TRUE(site_->Walk());
  EXPECT_FALSE(lake_.State("file"));
  EXPECT_NE(site_->Read("file"), bytes_);
}

INSTANTIATE_TEST_SUITE_P(Lakes, OffloadMovesTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "hierarchical" : "flat"; });

}  // namespace
}  // namespace forebay::tier
