// Moves of single files that a process was in the middle of when it ended.
#include <gtest/gtest.h>

#include <functional>

#include "engine/sweeper.h"
#include "tier/site_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

// The parameter says whether the lake is hierarchical.
class OffloadMovesTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override { Open(true); }
  void Open(bool hierarchical) {
    SiteOptions options;
    options.engine.hierarchical = hierarchical;
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
    EndOnce([&] { return !lake_.Bytes(from) && lake_.Bytes(to); });
  }
  void EndOnce(const std::function<bool()>& holds) {
    engine().store().FailNext(Code::kIo, 1'000'000);
    site_->link().Heal();
    ASSERT_TRUE(Site::Eventually(holds));
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
  EXPECT_EQ(site_->Read("file"), "BlobNotFound");
}

// Both as one, and nothing of an empty body tells whose it is but what it says of itself.
TEST_P(OffloadMovesTest, AnEmptyFileThatWasChangedAndThenMovedIsRecognised) {
  ASSERT_TRUE(engine().Put("d/file", ""));
  ASSERT_TRUE(engine().Put("d/other", "stays"));
  Sync();
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site_->SetMetadata("d/file", {{"k", "v"}}));
  ASSERT_TRUE(site_->Rename("d/file", "file"));
  // Nothing follows the move.
  const auto last = GetParam() ? lake::LakeOperation::kRename : lake::LakeOperation::kDelete;
  lake_.OnRequest([this, last](lake::LakeOperation operation, const std::string&) {
    if (operation == last) site_->link().SetLink(lake::LinkState::kDown);
  });
  EndAfterTheMove("d/file", "file");
  lake_.OnRequest({});
  Sync();
  EXPECT_TRUE(site_->Conflicts().empty());
  EXPECT_EQ(lake_.State("file")->metadata, (azure::Metadata{{"k", "v"}}));
  EXPECT_EQ(engine().Properties("file")->record.lake->etag, lake_.State("file")->etag().str());
  EXPECT_FALSE(lake_.State("d/file"));
}

// The process that ended had sent a write and a move as one, over an older file; to the next one
// they are changes of their own.
TEST_P(OffloadMovesTest, AnEmptyFileThatReplacedAnotherIsRecognised) {
  ASSERT_TRUE(engine().Put("file", "older"));
  Sync();
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(engine().Put("file", "old"));
  ASSERT_TRUE(engine().Put("empty", ""));
  ASSERT_TRUE(site_->Rename("empty", "file"));
  EndOnce([&] { return lake_.Bytes("file")->empty(); });
  Sync();
  EXPECT_TRUE(site_->Conflicts().empty());
  EXPECT_EQ(lake_.Names(), std::vector<std::string>{"file"});
  EXPECT_EQ(lake_.Bytes("file"), "");
  EXPECT_EQ(engine().Properties("file")->record.lake->etag, lake_.State("file")->etag().str());
}

// The process that ended had sent a move and the delete behind it as one, over an older file; to
// the next one they are changes of their own, and neither end of the move is in the lake.
TEST_P(OffloadMovesTest, AMoveThatWasDeletedIsRecognised) {
  if (!GetParam()) Open(false);  // names alone tell what the lake has
  for (const bool written_meanwhile : {false, true}) {
    ASSERT_TRUE(engine().Put("from", bytes_));
    ASSERT_TRUE(engine().Put("to", "older"));
    Sync();
    site_->link().SetLink(lake::LinkState::kDown);
    ASSERT_TRUE(site_->Rename("from", "to"));
    ASSERT_TRUE(engine().Delete("to"));
    EndOnce([&] { return lake_.Names().empty(); });
    if (!written_meanwhile) Sync();
    ASSERT_TRUE(engine().Put("from", "new"));
    Sync();
    EXPECT_TRUE(site_->Conflicts().empty());
    EXPECT_EQ(lake_.Names(), std::vector<std::string>{"from"});
    EXPECT_EQ(lake_.Bytes("from"), "new");
  }
}

// What was said of a blob before and after it moved, each under the name that it had.
TEST_P(OffloadMovesTest, WhatIsSaidBeforeAndAfterAMoveTravels) {
  ASSERT_TRUE(engine().Put("a", bytes_));
  Sync();
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site_->SetMetadata("a", {{"k", "before"}}));
  ASSERT_TRUE(site_->Rename("a", "b"));
  ASSERT_TRUE(site_->SetMetadata("b", {{"k", "after"}}));
  std::vector<std::string> said;  // of the lake, each time it was told something
  lake_.OnRequest([&](lake::LakeOperation operation, const std::string& name) {
    if (operation != lake::LakeOperation::kUpdate) return;
    said.push_back(name + " " + lake_.State(name)->metadata.front().second);
  });
  Sync();
  lake_.OnRequest({});
  EXPECT_EQ(said, (std::vector<std::string>{"a before", "b after"}));
  EXPECT_EQ(lake_.Names(), std::vector<std::string>{"b"});
  EXPECT_EQ(engine().Properties("b")->record.lake->etag, lake_.State("b")->etag().str());
  EXPECT_TRUE(site_->Conflicts().empty());
}

// Only the lake has its bytes, in a directory that is deleted behind the move: they come here
// before it goes.
TEST_P(OffloadMovesTest, WhatOnlyTheLakeHasIsKeptWhereItsNewNameIsTaken) {
  ASSERT_TRUE(engine().Put("d/file", bytes_));
  Sync();
  ASSERT_TRUE(engine().Run(site_->tier().placement().EvictNow({}, engine().Container(), "**")));
  ASSERT_TRUE(engine().Properties("d/file")->record.body.in_lake);
  site_->link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site_->Rename("d/file", "file"));
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("file", "theirs");
  Sync();
  ASSERT_TRUE(site_->Walk());
  Sync();
  const auto conflicts = site_->Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  const std::string kept = conflicts.front().record.kept_as;
  EXPECT_EQ(lake_.Names(), (std::vector<std::string>{"file", kept}));
  EXPECT_EQ(lake_.Bytes("file"), "theirs");
  EXPECT_EQ(lake_.Bytes(kept), bytes_);
  EXPECT_EQ(site_->Read("file"), "theirs");
  EXPECT_EQ(site_->Read(kept), bytes_);
}

INSTANTIATE_TEST_SUITE_P(Lakes, OffloadMovesTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "hierarchical" : "flat"; });

}  // namespace
}  // namespace forebay::tier
