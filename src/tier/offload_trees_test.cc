// Directories that were moved here to where somebody else has put something in the lake meanwhile.
#include "tier/offload_trees.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "tier/site_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using Files = std::map<std::string, std::string>;

// Until when reads of the lake may take.
class DeadlineWatch final : public engine::LakeSide {
 public:
  explicit DeadlineWatch(engine::LakeSide& inside) : inside_(inside) {}
  Task<> LookUp(OpContext context, meta::ContainerId container, std::string name) override {
    return inside_.LookUp(std::move(context), container, std::move(name));
  }
  Task<engine::ListingCover> CoverListing(OpContext context, engine::ListingSpan span) override {
    return inside_.CoverListing(std::move(context), std::move(span));
  }
  Task<std::unique_ptr<BodySource>> Open(OpContext context, engine::LakeRead read) override {
    {
      const std::lock_guard lock(mutex_);
      deadlines_.insert(context.deadline);
    }
    return inside_.Open(std::move(context), std::move(read));
  }
  void HydrateSoon(meta::ContainerId container) override { inside_.HydrateSoon(container); }

  std::set<SteadyTime> deadlines() const {
    const std::lock_guard lock(mutex_);
    return deadlines_;
  }

 private:
  engine::LakeSide& inside_;
  mutable std::mutex mutex_;
  std::set<SteadyTime> deadlines_;
};

// Our layout is hierarchical.
class OffloadTreesTest : public ::testing::Test {
 protected:
  void Begin(bool lake_hierarchical) {
    site_.reset();
    lake_ = std::make_unique<lake::MemoryLake>(
        lake::MemoryLakeOptions{.hierarchical = lake_hierarchical});
    SiteOptions options;
    options.engine.hierarchical = true;
    site_.emplace(*lake_, options);
  }
  engine::EngineFixture& engine() { return site_->engine(); }
  void Evict() {
    ASSERT_TRUE(engine().Run(site_->tier().placement().EvictNow({}, engine().Container(), "**")));
  }
  void Down() { site_->link().SetLink(lake::LinkState::kDown); }
  void Sync() {
    site_->link().Heal();
    const auto synced = site_->Sync();
    const OffloadStatus status = site_->tier().Status().front().offload;
    ASSERT_TRUE(synced) << synced.error().ToString() << " " << status.last_error << " / "
                        << status.blocked_name << ": " << status.blocked_error;
  }
  Files InLake() {
    Files files;
    for (const std::string& name : lake_->Names()) {
      if (!lake_->State(name)->directory) files[name] = *lake_->Bytes(name);
    }
    return files;
  }

  const std::string bytes_ = Pattern(5'000, 7);
  std::unique_ptr<lake::MemoryLake> lake_;
  std::optional<Site> site_;
};

// Also where only the lake has the bytes of what was moved.
TEST_F(OffloadTreesTest, WhatOthersPutWhereADirectoryMovesStaysBesideOurs) {
  for (const bool hierarchical : {false, true}) {
    for (const bool evicted : {false, true}) {
      SCOPED_TRACE(std::string(hierarchical ? "hierarchical" : "flat") +
                   (evicted ? ", evicted" : ""));
      Begin(hierarchical);
      ASSERT_TRUE(engine().Put("from/taken", bytes_));
      ASSERT_TRUE(engine().Put("from/sub/free", "ours"));
      Sync();
      if (evicted) Evict();
      Down();
      ASSERT_TRUE(site_->Rename("from", "to"));
      ASSERT_TRUE(engine().Put("after", "waits for it"));
      lake_->Plant("to/taken", "theirs");
      lake_->Plant("to/added", "theirs too");
      Sync();
      ASSERT_TRUE(site_->Walk());
      Sync();
      const auto conflicts = site_->Conflicts();
      ASSERT_EQ(conflicts.size(), 1u);
      const std::string kept = conflicts.front().record.kept_as;
      const Files all{{"after", "waits for it"},
                      {"to/added", "theirs too"},
                      {kept, bytes_},
                      {"to/sub/free", "ours"},
                      {"to/taken", "theirs"}};
      EXPECT_TRUE(kept.starts_with("to/taken (conflict ")) << kept;
      EXPECT_EQ(InLake(), all);
      EXPECT_FALSE(lake_->State("from"));
      for (const auto& [name, bytes] : all) EXPECT_EQ(site_->Read(name), bytes) << name;
    }
  }
}

// The changes that were noted behind the move know what became of it.
TEST_F(OffloadTreesTest, WhatWasDoneSinceToAFileWhoseNameIsTakenTravels) {
  for (const bool hierarchical : {false, true}) {
    SCOPED_TRACE(hierarchical);
    Begin(hierarchical);
    ASSERT_TRUE(engine().Put("from/written", "old"));
    ASSERT_TRUE(engine().Put("from/deleted", "old"));
    ASSERT_TRUE(engine().Put("from/moved", bytes_));
    Sync();
    Evict();
    Down();
    ASSERT_TRUE(site_->Rename("from", "to"));
    ASSERT_TRUE(engine().Put("to/written", "new"));
    ASSERT_TRUE(engine().Delete("to/deleted"));
    ASSERT_TRUE(site_->Rename("to/moved", "moved"));
    for (const char* name : {"to/written", "to/deleted", "to/moved"}) lake_->Plant(name, "theirs");
    lake_->Plant("from/added", "theirs");
    lake_->Plant("to/added", "others'");
    Sync();
    ASSERT_TRUE(site_->Walk());
    Sync();
    const auto conflicts = site_->Conflicts();
    ASSERT_EQ(conflicts.size(), 1u);
    const Files files = InLake();
    EXPECT_EQ(files.at(conflicts.front().record.kept_as), "new");
    EXPECT_EQ(files.at("to/written"), "theirs");
    EXPECT_EQ(files.at("to/deleted"), "theirs") << "which nobody here has seen";
    EXPECT_EQ(site_->Read("to/deleted"), "theirs");
    EXPECT_EQ(files.at("moved"), bytes_);
    EXPECT_EQ(files.at("to/moved"), "theirs");
    EXPECT_EQ(files.at("from/added"), "theirs") << "which nobody here knew";
    EXPECT_EQ(files.at("to/added"), "others'");
    EXPECT_EQ(files.size(), 7u);
  }
}

// Whatever happens to it while its bytes come here: nobody else has them.
TEST_F(OffloadTreesTest, WhatIsDoneToAFileWhoseNameIsTakenWhileItsBytesComeLosesNothing) {
  struct Case {
    std::string what;
    std::function<void()> meanwhile;
  };
  const std::vector<Case> cases = {
      {"moved", [this] { ASSERT_TRUE(site_->Rename("to/taken", "moved")); }},
      {"moved twice",
       [this] {
         ASSERT_TRUE(site_->Rename("to/taken", "once"));
         ASSERT_TRUE(site_->Rename("once", "twice"));
       }},
      {"told", [this] { ASSERT_TRUE(site_->SetMetadata("to/taken", {{"k", "v"}})); }},
      {"given up again", [this] { Evict(); }},
  };
  for (const bool hierarchical : {false, true}) {
    for (const Case& one : cases) {
      SCOPED_TRACE(one.what + (hierarchical ? ", hierarchical" : ", flat"));
      Begin(hierarchical);
      // The first of them is here when the other one comes.
      ASSERT_TRUE(engine().Put("from/first", bytes_));
      ASSERT_TRUE(engine().Put("from/taken", bytes_ + "2"));
      Sync();
      Evict();
      Down();
      ASSERT_TRUE(site_->Rename("from", "to"));
      lake_->Plant("to/first", "theirs");
      lake_->Plant("to/taken", "theirs");
      std::atomic<bool> done{false};
      lake_->OnRequest([&](lake::LakeOperation operation, const std::string& name) {
        const bool comes = operation == lake::LakeOperation::kGet && name == "from/taken";
        if (comes && !done.exchange(true)) one.meanwhile();
      });
      Sync();
      lake_->OnRequest({});
      EXPECT_TRUE(done);
      ASSERT_TRUE(site_->Walk());
      Sync();
      std::multiset<std::string> here, there;
      const auto names = site_->Names();
      ASSERT_TRUE(names);
      for (const std::string& name : *names) here.insert(site_->Read(name));
      for (const auto& [name, bytes] : InLake()) there.insert(bytes);
      for (const auto* all : {&here, &there}) {
        EXPECT_EQ(all->count(bytes_), 1u);
        EXPECT_EQ(all->count(bytes_ + "2"), 1u);
        EXPECT_EQ(all->count("theirs"), 2u);
      }
    }
  }
}

// Bytes of any size come here through requests that have their time each.
TEST_F(OffloadTreesTest, BytesComeHereHoweverLongThatTakes) {
  for (const bool hierarchical : {false, true}) {
    SCOPED_TRACE(hierarchical);
    Begin(hierarchical);
    engine::LakeSide*& lake = engine().services().lake;
    DeadlineWatch watch(*lake);
    lake = &watch;
    ASSERT_TRUE(engine().Put("from/taken", bytes_));
    Sync();
    Evict();
    Down();
    ASSERT_TRUE(site_->Rename("from", "to"));
    lake_->Plant("to/taken", "theirs");
    Sync();
    lake = &site_->tier();
    EXPECT_EQ(watch.deadlines(), std::set<SteadyTime>{SteadyTime::max()});
  }
}

// Its old name went with the directory that it was moved out of.
TEST_F(OffloadTreesTest, WhatWasMovedOutOfADirectoryBeforeThatWasDeletedIsKept) {
  for (const bool hierarchical : {false, true}) {
    SCOPED_TRACE(hierarchical);
    Begin(hierarchical);
    ASSERT_TRUE(engine().Put("from/taken", bytes_));
    ASSERT_TRUE(engine().Put("from/other", "goes"));
    Sync();
    Evict();
    Down();
    ASSERT_TRUE(site_->Rename("from", "to"));
    ASSERT_TRUE(site_->Rename("to/taken", "kept"));
    ASSERT_TRUE(site_->DeleteTree("to"));
    lake_->Plant("to/taken", "theirs");
    Sync();
    EXPECT_EQ(InLake().at("kept"), bytes_);
    EXPECT_EQ(site_->Read("kept"), bytes_);
    EXPECT_FALSE(InLake().contains("from/other"));
  }
}

TEST_F(OffloadTreesTest, AFileMovedOutOfADirectoryThatHadMovedIsReadMeanwhile) {
  for (const bool hierarchical : {false, true}) {
    SCOPED_TRACE(hierarchical);
    Begin(hierarchical);
    ASSERT_TRUE(engine().Put("from/file", bytes_));
    Sync();
    Evict();
    // Something in front holds both back.
    site_->link().FailNext({.code = Code::kInvalidMetadata}, lake::LakeOperation::kPut, 1'000'000);
    ASSERT_TRUE(engine().Put("first", "x"));
    ASSERT_TRUE(site_->Rename("from", "to"));
    ASSERT_TRUE(site_->Rename("to/file", "file"));
    EXPECT_EQ(site_->Read("file"), bytes_);
    Sync();
    EXPECT_EQ(InLake(), (Files{{"file", bytes_}, {"first", "x"}}));
    EXPECT_EQ(site_->Read("file"), bytes_);
  }
}

TEST_F(OffloadTreesTest, AFileWhereADirectoryIsToBeIsListedAndWaits) {
  Begin(true);
  ASSERT_TRUE(engine().Put("from/ours", "one"));
  Sync();
  Down();
  ASSERT_TRUE(site_->Rename("from", "to"));
  lake_->Plant("to", "a file");
  site_->link().Heal();
  ASSERT_TRUE(Site::Eventually([&] { return !site_->Conflicts().empty(); }));
  EXPECT_EQ(site_->Conflicts().front().record.kind, ConflictKind::kNameTaken);
  EXPECT_EQ(site_->Conflicts().front().record.name, "to");
  lake_->Remove("to");
  Sync();
  EXPECT_EQ(InLake(), (Files{{"to/ours", "one"}}));
}

// Also where nothing, or something else, has the directory's name here by now.
TEST_F(OffloadTreesTest, AFileWhereADirectoryWasToBeIsListedAndWaits) {
  for (const bool replaced : {false, true}) {
    SCOPED_TRACE(replaced);
    Begin(true);
    ASSERT_TRUE(engine().Put("from/ours", "one"));
    Sync();
    Down();
    ASSERT_TRUE(site_->Rename("from", "to"));
    ASSERT_TRUE(site_->Rename("to", "then"));
    if (replaced) {
      ASSERT_TRUE(engine().Put("to", "ours"));
    }
    lake_->Plant("to", "a file");
    site_->link().Heal();
    ASSERT_TRUE(Site::Eventually([&] { return !site_->Conflicts().empty(); }));
    EXPECT_EQ(site_->Conflicts().front().record.kind, ConflictKind::kNameTaken);
    EXPECT_EQ(site_->Conflicts().front().record.name, "to");
    EXPECT_EQ(site_->Conflicts().size(), 1u);
    EXPECT_EQ(site_->tier().Status().front().offload.blocked_name, "to");
    lake_->Remove("to");
    Sync();
    Files files{{"then/ours", "one"}};
    if (replaced) files["to"] = "ours";
    EXPECT_EQ(InLake(), files);
    for (const auto& [name, bytes] : files) EXPECT_EQ(site_->Read(name), bytes) << name;
  }
}

}  // namespace
}  // namespace forebay::tier
