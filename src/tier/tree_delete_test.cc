// Directories that were deleted here, while somebody else was at what is in them in the lake.
#include "tier/tree_delete.h"

#include <atomic>

#include "engine/create_path.h"
#include "engine/sweeper.h"
#include "tier/site_fixture.h"

namespace forebay::tier {
namespace {

using Names = std::vector<std::string>;

// Our layout is hierarchical; the parameter says whether the lake's is.
class TreeDeleteTest : public ::testing::TestWithParam<bool> {
 protected:
  void Begin(meta::ConflictPolicy policy = meta::ConflictPolicy::kKeepBoth) {
    SiteOptions options;
    options.engine.hierarchical = true;
    options.policy = policy;
    site_.emplace(lake_, options);
  }
  engine::EngineFixture& engine() { return site_->engine(); }

  void Put(const std::string& name, const std::string& text) {
    ASSERT_TRUE(engine().Put(name, text)) << name;
  }
  Result<> MakeDirectory(const std::string& name) {
    engine::CreatePathRequest request;
    request.target = engine().Blob(name);
    request.directory = true;
    FB_RETURN_IF_ERROR(
        engine().Run(engine::CreatePath(engine().services(), {}, std::move(request))));
    return {};
  }
  // An empty one, or a file.
  Result<> Delete(const std::string& name) {
    engine::DeletePathRequest request;
    request.target = engine().Blob(name);
    FB_RETURN_IF_ERROR(
        engine().Run(engine::DeletePath(engine().services(), {}, std::move(request))));
    return {};
  }
  void Down() { site_->link().SetLink(lake::LinkState::kDown); }
  void Up() { site_->link().Heal(); }
  void Sync() {
    Up();
    const auto synced = site_->Sync();
    ASSERT_TRUE(synced) << synced.error().ToString() << "; "
                        << site_->tier().Status().front().offload.blocked_error;
    EXPECT_EQ(engine().KeysOfTable('j'), 0u);
    EXPECT_EQ(engine().KeysOfTable('0'), 0u) << "what was known of what went is forgotten";
  }
  void Sweep() {
    engine::Sweeper sweeper(engine().services());
    ASSERT_TRUE(sweeper.RunOnce());
  }
  // Files of the lake, and of the container once it was compared with it.
  Names InLake() {
    Names names;
    for (const std::string& name : lake_.Names()) {
      if (!lake_.State(name)->directory) names.push_back(name);
    }
    return names;
  }
  Names Here() {
    EXPECT_TRUE(site_->Walk());
    Names names;
    for (const std::string& name : *site_->Names()) {
      if (!engine().Properties(name)->record.directory) names.push_back(name);
    }
    return names;
  }

  lake::MemoryLake lake_{{.hierarchical = GetParam()}};
  std::optional<Site> site_;
};

TEST_P(TreeDeleteTest, WhatOthersAddedStaysAndIsShownAgain) {
  Begin();
  Put("d/ours", "one");
  Put("d/sub/deep", "two");
  Put("d/empty/gone", "three");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("d/sub/theirs", "added");
  Sync();
  EXPECT_EQ(InLake(), Names{"d/sub/theirs"});
  EXPECT_EQ(Here(), Names{"d/sub/theirs"});
  EXPECT_EQ(site_->Read("d/sub/theirs"), "added");
  EXPECT_FALSE(lake_.State("d/empty"));
  EXPECT_TRUE(site_->Conflicts().empty()) << "nobody changed what was ours";
}

TEST_P(TreeDeleteTest, AFileInPlaceOfTheDirectoryStays) {
  Begin();
  Put("d/ours", "one");
  Put("d/sub/deep", "two");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  for (const char* name : {"d/ours", "d/sub/deep", "d/sub", "d"}) lake_.Remove(name);
  lake_.Plant("d", "a file now");
  Sync();
  EXPECT_EQ(InLake(), Names{"d"});
  EXPECT_EQ(Here(), Names{"d"});
  EXPECT_EQ(site_->Read("d"), "a file now");
}

// Somebody else's before it was deleted here, and not known here yet.
TEST_P(TreeDeleteTest, WhatWasNotKnownHereStays) {
  Begin();
  Put("d/ours", "one");
  Sync();
  lake_.Plant("d/unseen", "theirs");
  ASSERT_TRUE(site_->DeleteTree("d"));
  Sync();
  EXPECT_EQ(InLake(), Names{"d/unseen"});
  EXPECT_EQ(Here(), Names{"d/unseen"});
}

TEST_P(TreeDeleteTest, WhatOthersChangedComesBackAtOnce) {
  Begin();
  Put("d/changed", "one");
  Put("d/deleted", "two");
  Put("d/ours", "three");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("d/changed", "theirs");
  lake_.Remove("d/deleted");
  Sync();
  EXPECT_EQ(site_->Read("d/changed"), "theirs") << "without a walk";
  EXPECT_EQ(InLake(), Names{"d/changed"});
  EXPECT_EQ(Here(), Names{"d/changed"});
  const auto conflicts = site_->Conflicts();
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].record.name, "d/changed");
  EXPECT_EQ(conflicts[0].record.kind, ConflictKind::kDeletedHere);
  EXPECT_EQ(conflicts[0].record.outcome, ConflictOutcome::kRestored);
}

TEST_P(TreeDeleteTest, WhereTheLocalSideWinsWhatOthersChangedGoes) {
  Begin(meta::ConflictPolicy::kLocalWins);
  Put("d/changed", "one");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("d/changed", "theirs");
  lake_.Plant("d/added", "theirs");
  Sync();
  EXPECT_EQ(InLake(), Names{"d/added"}) << "nobody here ever deleted that";
  ASSERT_EQ(site_->Conflicts().size(), 1u);
  EXPECT_EQ(site_->Conflicts()[0].record.outcome, ConflictOutcome::kLocalWon);
}

// Its records are gone by the time that the lake is told.
TEST_P(TreeDeleteTest, WhatWasKnownOutlivesTheSweeper) {
  Begin();
  Put("d/changed", "one");
  for (int i = 0; i < 230; ++i) Put("d/sub/" + std::to_string(i), "x");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  Sweep();
  EXPECT_EQ(engine().KeysOfTable('h'), 0u) << "the space of what was deleted comes back";
  lake_.Plant("d/changed", "theirs");
  lake_.Plant("d/sub/added", "theirs");
  Sync();
  EXPECT_EQ(InLake(), (Names{"d/changed", "d/sub/added"}));
  EXPECT_EQ(site_->Conflicts().size(), 1u);
}

// What was deleted, moved away and moved in below it before.
TEST_P(TreeDeleteTest, WhatHappenedBelowItBeforeIsKnown) {
  Begin();
  for (const std::string name : {"d/deleted", "d/changed", "d/out", "d/over", "in"}) {
    Put(name, name);
  }
  Sync();
  Down();
  ASSERT_TRUE(engine().Delete("d/deleted"));
  ASSERT_TRUE(engine().Delete("d/changed"));
  ASSERT_TRUE(site_->Rename("d/out", "out"));
  ASSERT_TRUE(site_->Rename("in", "d/over"));
  Put("d/new", "never gets there");
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("d/changed", "theirs");
  Sync();
  EXPECT_EQ(InLake(), (Names{"d/changed", "out"}));
  EXPECT_EQ(Here(), (Names{"d/changed", "out"}));
  EXPECT_EQ(site_->Conflicts().size(), 1u);
}

TEST_P(TreeDeleteTest, ADirectoryThatMovedBeforeItWentIsGone) {
  Begin();
  Put("d/a", "one");
  Put("d/sub/b", "two");
  Sync();
  Down();
  ASSERT_TRUE(site_->Rename("d", "e"));
  ASSERT_TRUE(engine().Delete("e/a"));
  ASSERT_TRUE(site_->DeleteTree("e"));
  Sync();
  EXPECT_EQ(InLake(), Names{});
  EXPECT_EQ(Here(), Names{});
  EXPECT_TRUE(site_->Conflicts().empty());
}

TEST_P(TreeDeleteTest, WhatIsThereAnewIsNotTakenForWhatWent) {
  Begin();
  Put("d/a", "one");
  Put("d/b", "one");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  Put("d/a", "anew");
  Put("d/b", "anew");
  lake_.Plant("d/b", "theirs");
  Sync();
  EXPECT_EQ(site_->Read("d/a"), "anew");
  EXPECT_EQ(*lake_.Bytes("d/a"), "anew");
  EXPECT_EQ(site_->Read("d/b"), "theirs");
  EXPECT_EQ(InLake().size(), 3u) << "both sides of the one that both have";
  EXPECT_EQ(site_->Conflicts().size(), 1u);
}

// The lake has taken a write, and this side ends before it has noted that.
TEST_P(TreeDeleteTest, AWriteThatAFormerProcessSentGoesWithItsDirectory) {
  Begin();
  Put("d/old", "one");
  Put("moved", "two");
  Sync();
  Down();
  Put("d/old", "two");
  Put("d/new", "three");
  ASSERT_TRUE(site_->Rename("moved", "d/moved"));
  engine().store().FailNext(Code::kIo, 1'000'000);
  Up();
  ASSERT_TRUE(Site::Eventually([&] {
    return lake_.Bytes("d/old") == "two" && lake_.Bytes("d/new") && lake_.Bytes("d/moved");
  }));
  site_->tier().Stop();
  engine().store().FailNext(Code::kIo, 0);
  ASSERT_TRUE(site_->DeleteTree("d"));
  site_->Restart();
  Sync();
  EXPECT_EQ(InLake(), Names{});
  EXPECT_EQ(Here(), Names{});
  EXPECT_TRUE(site_->Conflicts().empty());
}

TEST_P(TreeDeleteTest, ItIsGoneOnFromWhereAProcessEnded) {
  Begin();
  for (int i = 0; i < 100; ++i) Put("d/" + std::to_string(i % 7) + "/" + std::to_string(i), "x");
  Sync();
  Down();
  ASSERT_TRUE(site_->DeleteTree("d"));
  lake_.Plant("d/3/3", "theirs");
  site_->tier().Stop();
  Up();
  std::atomic<int> deletes{0};
  lake_.OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation == lake::LakeOperation::kDelete && ++deletes == 40) Down();
  });
  site_->Restart();
  ASSERT_TRUE(Site::Eventually([&] { return deletes >= 40; }));
  site_->tier().Stop();
  lake_.OnRequest({});
  site_->Restart();
  Sync();
  EXPECT_EQ(InLake(), Names{"d/3/3"});
  EXPECT_EQ(site_->Conflicts().size(), 1u);
}

// A directory of its own, which a delete of it alone takes, not of what is in it.
TEST_P(TreeDeleteTest, ADirectoryStaysWhereOthersHaveAddedSomething) {
  Begin();
  for (const char* name : {"gone", "kept", "tree", "tree/kept", "tree/gone"}) {
    ASSERT_TRUE(MakeDirectory(name));
  }
  Put("tree/kept/ours", "one");
  Sync();
  Down();
  ASSERT_TRUE(Delete("gone"));
  ASSERT_TRUE(Delete("kept"));
  ASSERT_TRUE(site_->DeleteTree("tree"));
  lake_.Plant("kept/theirs", "added");
  lake_.Plant("tree/kept/theirs", "added");
  Sync();
  EXPECT_EQ(lake_.Names(), (Names{"kept", "kept/theirs", "tree", "tree/kept", "tree/kept/theirs"}));
  for (const char* name : {"kept", "tree", "tree/kept"}) {
    EXPECT_TRUE(lake_.State(name)->directory) << name;
  }
  EXPECT_EQ(Here(), (Names{"kept/theirs", "tree/kept/theirs"}));
  EXPECT_TRUE(site_->Conflicts().empty());
}

// Between the look and the delete: a flat lake cannot refuse it, so the marker is made again.
TEST_P(TreeDeleteTest, WhatIsAddedWhileTheDirectoryGoesKeepsIt) {
  Begin();
  ASSERT_TRUE(MakeDirectory("d"));
  Sync();
  Down();
  ASSERT_TRUE(Delete("d"));
  bool added = false;
  lake_.OnRequest([&](lake::LakeOperation operation, const std::string& name) {
    const auto look = GetParam() ? lake::LakeOperation::kHead : lake::LakeOperation::kList;
    if (operation == look && name.starts_with("d") && !std::exchange(added, true)) {
      lake_.Plant("d/theirs", "added");
    }
  });
  Sync();
  lake_.OnRequest({});
  EXPECT_TRUE(added);
  EXPECT_EQ(lake_.Names(), (Names{"d", "d/theirs"}));
  EXPECT_TRUE(lake_.State("d")->directory);
}

INSTANTIATE_TEST_SUITE_P(Lakes, TreeDeleteTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "hierarchical" : "flat"; });

// Somebody puts something into the directory while its marker goes, and then this process ends.
TEST(TreeDeleteDirectoriesTest, AMarkerIsPutBackByTheNextProcess) {
  for (const bool recursive : {false, true}) {
    SCOPED_TRACE(recursive);
    lake::MemoryLake lake;
    SiteOptions options;
    options.engine.hierarchical = true;
    Site site(lake, options);
    engine::EngineFixture& engine = site.engine();
    engine::CreatePathRequest make;
    make.target = engine.Blob("d");
    make.directory = true;
    make.attributes.metadata = {{"permissions", "1"}};
    ASSERT_TRUE(engine.Run(engine::CreatePath(engine.services(), {}, std::move(make))));
    ASSERT_TRUE(site.Sync());
    const lake::Metadata told = lake.State("d")->metadata;
    ASSERT_EQ(told.size(), 2u);
    std::atomic<bool> looked{false}, gone{false};
    lake.OnRequest([&](lake::LakeOperation operation, const std::string& name) {
      if (operation == lake::LakeOperation::kHead && name == "d") looked = true;
      if (operation == lake::LakeOperation::kList && looked) lake.Plant("d/theirs", "added");
      if (operation != lake::LakeOperation::kDelete) return;
      site.link().SetLink(lake::LinkState::kDown);
      gone = true;
    });
    engine::DeletePathRequest request;
    request.target = engine.Blob("d");
    request.recursive = recursive;
    ASSERT_TRUE(engine.Run(engine::DeletePath(engine.services(), {}, std::move(request))));
    ASSERT_TRUE(Site::Eventually([&] { return gone.load(); }));
    EXPECT_FALSE(lake.State("d"));
    site.Restart();
    lake.OnRequest({});
    site.link().Heal();
    ASSERT_TRUE(site.Sync());
    ASSERT_TRUE(lake.State("d"));
    EXPECT_EQ(lake.State("d")->metadata, told);
    EXPECT_EQ(lake.Names(), (Names{"d", "d/theirs"}));
  }
}

// An empty directory is something, too, where a lake has such.
TEST(TreeDeleteDirectoriesTest, ADirectoryThatOthersMadeStays) {
  lake::MemoryLake lake({.hierarchical = true});
  SiteOptions options;
  options.engine.hierarchical = true;
  Site site(lake, options);
  ASSERT_TRUE(site.engine().Put("d/ours", "one"));
  ASSERT_TRUE(site.Sync());
  ASSERT_TRUE(RunSync(lake.MakeDirectory(
      {}, {.name = lake::BlobName("d/theirs"), .metadata = {}, .conditions = {}})));
  ASSERT_TRUE(site.DeleteTree("d"));
  ASSERT_TRUE(site.Sync());
  EXPECT_EQ(lake.Names(), (Names{"d", "d/theirs"}));
  ASSERT_TRUE(site.Walk());
  EXPECT_EQ(*site.Names(), (Names{"d", "d/theirs"}));
}

}  // namespace
}  // namespace forebay::tier
