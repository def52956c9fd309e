#include "tier/watch.h"

#include <gtest/gtest.h>

#include <future>

#include "engine/delete_path.h"
#include "engine/rename_path.h"
#include "tier/site_fixture.h"

namespace forebay::tier {
namespace {

using Names = std::vector<std::string>;

class WatchTest : public ::testing::Test {
 protected:
  void Open(SiteOptions options = {}) { site_.emplace(lake_, std::move(options)); }
  Site& site() { return *site_; }
  Names NamesHere() {
    auto names = site().Names();
    EXPECT_TRUE(names);
    return names ? *names : Names();
  }

  lake::Accounting accounting_;
  lake::MemoryLake lake_{{.accounting = &accounting_}};
  std::optional<Site> site_;
};

TEST_F(WatchTest, ComesBackAsItWas) {
  WalkRecord record{.started = {1},
                    .finished = {2},
                    .marker = "m",
                    .last = "l",
                    .names = 3,
                    .changed = 4,
                    .deleted = 5,
                    .conflicts = 6};
  const auto back = DecodeWalk(Encode(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(Encode(*back), Encode(record));
  EXPECT_EQ(Encode(record), std::string("\x01\x02\x04\x01m\x01l\x03\x04\x05\x06", 11));
  EXPECT_EQ(DecodeWalk("\x02").error().code(), Code::kCorruption);
}

TEST_F(WatchTest, WhatChangedThereIsServedHere) {
  for (const char* name : {"a", "b", "c", "d"}) lake_.Plant(name, std::string("old ") + name);
  Open();
  EXPECT_EQ(site().Read("b"), "old b");  // and is resident from now on
  lake_.Plant("b", "new b");
  lake_.Plant("bb", "one more");
  lake_.Remove("c");
  const auto walked = site().Walk();
  ASSERT_TRUE(walked) << walked.error().ToString();
  EXPECT_EQ(walked->changed, 2u);
  EXPECT_EQ(walked->deleted, 1u);
  EXPECT_EQ(NamesHere(), (Names{"a", "b", "bb", "d"}));
  EXPECT_EQ(site().Read("b"), "new b");
  EXPECT_EQ(site().Read("bb"), "one more");
  EXPECT_EQ(site().Read("c"), "BlobNotFound");
  EXPECT_EQ(site().Read("a"), "old a");
  ASSERT_EQ(site().Events(EventKind::kLakeChanged).size(), 1u);
  EXPECT_EQ(site().Events(EventKind::kLakeChanged).front().name, "b");
  ASSERT_EQ(site().Events(EventKind::kLakeDeleted).size(), 1u);
  EXPECT_EQ(site().Events(EventKind::kLakeDeleted).front().name, "c");
}

// Nothing differs: one request a page, and nothing is written but the position.
TEST_F(WatchTest, AWalkOfNothingNewCostsItsPages) {
  for (int i = 0; i < 30; ++i) lake_.Plant("n" + std::to_string(i), "x");
  Open();
  const std::uint64_t requests = accounting_.usage().total().requests;
  const auto walked = site().Walk();
  ASSERT_TRUE(walked);
  EXPECT_EQ(walked->names, 30u);
  EXPECT_EQ(walked->changed + walked->deleted, 0u);
  EXPECT_EQ(accounting_.usage().total().requests, requests + 1);
  EXPECT_TRUE(site().Events().empty());
}

TEST_F(WatchTest, OurOwnWritesAreNoChanges) {
  Open();
  ASSERT_TRUE(site().engine().Put("mine", "one"));
  ASSERT_TRUE(site().Sync());
  ASSERT_TRUE(site().engine().Put("mine", "two"));  // may be on its way
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(site().Read("mine"), "two");
  ASSERT_TRUE(site().Sync());
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(site().Read("mine"), "two");
  EXPECT_TRUE(site().Events().empty());
  EXPECT_EQ(*lake_.Bytes("mine"), "two");
}

TEST_F(WatchTest, WhatWasDeletedHereStaysAway) {
  lake_.Plant("a", "a");
  lake_.Plant("b", "b");
  Open();
  site().link().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(site().engine().Delete("a"));
  site().link().Heal();
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(NamesHere(), (Names{"b"}));
  ASSERT_TRUE(site().Sync());
  EXPECT_EQ(lake_.Names(), (Names{"b"}));
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(NamesHere(), (Names{"b"}));
}

// Pages of two names, a link that fails at each page in turn, and a new process each time.
TEST_F(WatchTest, GoesOnWhereItWasWhenTheProcessDies) {
  for (int i = 10; i < 30; ++i) lake_.Plant("n" + std::to_string(i), "old");
  Open();
  for (int i = 10; i < 30; i += 3) lake_.Plant("n" + std::to_string(i), "new");
  for (int i = 11; i < 30; i += 3) lake_.Remove("n" + std::to_string(i));
  for (int failing = 0; failing < 11; ++failing) {
    LiveNames names(site().engine().services());
    WatchPass pass(site().engine().services(), names, site().attachment());
    pass.page_size = 2;
    // The page after the next one does not come.
    std::atomic<int> pages{0};
    lake_.OnRequest([&](lake::LakeOperation operation, const std::string&) {
      if (operation == lake::LakeOperation::kList && ++pages == 1) {
        site().link().SetLink(lake::LinkState::kDown);
      }
    });
    const auto walked = site().engine().Run(pass.Run({}));
    lake_.OnRequest({});
    site().link().Heal();
    if (failing < 5) EXPECT_FALSE(walked) << failing;
    site().Restart();
    if (walked) break;
  }
  ASSERT_TRUE(site().Walk());
  Names expected;
  for (int i = 10; i < 30; ++i) {
    const std::string name = "n" + std::to_string(i);
    if (i % 3 == 2) continue;
    expected.push_back(name);
    EXPECT_EQ(site().Read(name), i % 3 == 1 ? "new" : "old") << name;
  }
  EXPECT_EQ(NamesHere(), expected);
  EXPECT_EQ(site().Events(EventKind::kLakeChanged).size(), 7u);
  EXPECT_EQ(site().Events(EventKind::kLakeDeleted).size(), 7u);
}

// The orders differ: it remembers what it saw, and asks for what is missing.
TEST_F(WatchTest, AHierarchicalContainerOverAFlatLake) {
  for (const char* name : {"dir/a", "dir.x", "dir/sub/b", "z"}) lake_.Plant(name, "old");
  Open({.engine = {.hierarchical = true, .faults = {}}});
  lake_.Plant("dir/a", "new");
  lake_.Plant("dir/c", "new");
  lake_.Remove("dir/sub/b");
  lake_.Remove("dir.x");
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(site().Read("dir/a"), "new");
  EXPECT_EQ(site().Read("dir/c"), "new");
  EXPECT_EQ(site().Read("dir.x"), "BlobNotFound");
  EXPECT_EQ(site().Read("dir/sub/b"), "BlobNotFound");
  EXPECT_EQ(site().Read("z"), "old");
}

TEST_F(WatchTest, NamesThatCannotBeHereAreListedOnce) {
  lake_.Plant("a", "a file");
  Open({.engine = {.hierarchical = true, .faults = {}}});
  lake_.Plant("a/b", "below it");
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(site().Walk());
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(site().Conflicts().front().record.kind, ConflictKind::kNameTaken);
  EXPECT_EQ(site().Conflicts().front().record.name, "a/b");
  EXPECT_EQ(site().Events(EventKind::kNameRefused).size(), 1u);
  EXPECT_EQ(site().Read("a"), "a file");
}

TEST_F(WatchTest, WalksByItself) {
  lake_.Plant("a", "old");
  Open({.walks = std::chrono::milliseconds(30)});
  lake_.Plant("a", "new");
  EXPECT_TRUE(Site::Eventually([&] { return site().Read("a") == "new"; }));
}

azure::BlobEvent Hint(azure::BlobEventKind kind, std::string_view name,
                      std::string_view container = "datasets") {
  azure::BlobEvent event;
  event.kind = kind;
  event.account = "acct";
  event.container = azure::ContainerName(container);
  event.name = azure::BlobName(name);
  return event;
}

TEST_F(WatchTest, EventsBringNamesUpToDateAtOnce) {
  lake_.Plant("a", "old");
  lake_.Plant("b", "old");
  Open();
  lake_.Plant("a", "new");
  lake_.Remove("b");
  lake_.Plant("c", "fresh");
  using enum azure::BlobEventKind;
  const auto looked = site().engine().Run(site().tier().watch().TakeEvents(
      {}, {Hint(kCreated, "a"), Hint(kDeleted, "b"), Hint(kCreated, "c"), Hint(kCreated, "a"),
           Hint(kCreated, "a", "elsewhere")}));
  ASSERT_TRUE(looked) << looked.error().ToString();
  EXPECT_EQ(*looked, 3u);
  EXPECT_EQ(site().Read("a"), "new");
  EXPECT_EQ(site().Read("b"), "BlobNotFound");
  EXPECT_EQ(site().Read("c"), "fresh");
}

// What we wrote ourselves comes back as an event, and costs nothing.
TEST_F(WatchTest, AnEventOfWhatIsKnownAsksNothing) {
  Open();
  ASSERT_TRUE(site().engine().Put("mine", "one"));
  ASSERT_TRUE(site().Sync());
  azure::BlobEvent event = Hint(azure::BlobEventKind::kCreated, "mine");
  event.etag = lake_.State("mine")->etag();
  const std::uint64_t requests = accounting_.usage().total().requests;
  ASSERT_TRUE(site().engine().Run(site().tier().watch().TakeEvents({}, {event})));
  EXPECT_EQ(accounting_.usage().total().requests, requests);
}

TEST_F(WatchTest, OutagesAndTheirEndAreEvents) {
  lake_.Plant("a", "a");
  Open();
  site().link().SetLink(lake::LinkState::kDown);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(site().Read("a"), "Offline");
  EXPECT_TRUE(
      Site::Eventually([&] { return site().Events(EventKind::kLakeUnreachable).size() == 1; }));
  site().link().Heal();
  // Nobody reads: it is found out about all the same.
  EXPECT_TRUE(Site::Eventually([&] { return site().Events(EventKind::kLakeReached).size() == 1; }));
  EXPECT_EQ(site().Read("a"), "a");
}

TEST_F(WatchTest, ACredentialThatIsRefusedIsAnEventAndASentence) {
  lake_.Plant("a", "a");
  Open();
  site().link().FailNext({.code = Code::kAuthenticationFailed}, {}, 3);
  EXPECT_FALSE(site().Walk());
  EXPECT_TRUE(
      Site::Eventually([&] { return site().Events(EventKind::kLakeForbidden).size() == 1; }));
  const auto status = site().tier().watch().Status(site().attachment()->container);
  ASSERT_TRUE(status);
  EXPECT_NE(status->last_error.find("credential"), std::string::npos) << status->last_error;
  EXPECT_EQ(site().tier().Status().front().last_error, status->last_error);
  site().link().Heal();
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(site().tier().Status().front().last_error, "");
}

TEST_F(WatchTest, StartsOffline) {
  lake_.Plant("a", "resident");
  lake_.Plant("b", "absent");
  Open();
  EXPECT_EQ(site().Read("a"), "resident");
  EXPECT_TRUE(Site::Eventually([&] { return site().tier().fetches_under_way() == 0; }));
  site().link().SetLink(lake::LinkState::kDown);
  site().Restart();
  EXPECT_EQ(site().Read("a"), "resident");
  EXPECT_EQ(site().Read("b"), "Offline");
  ASSERT_TRUE(site().engine().Put("c", "written offline"));
  EXPECT_EQ(site().Read("c"), "written offline");
  ASSERT_TRUE(site().engine().Delete("b"));
  EXPECT_EQ(NamesHere(), (Names{"a", "c"}));
  site().Restart();
  site().link().Heal();
  ASSERT_TRUE(site().Sync());
  EXPECT_EQ(lake_.Names(), (Names{"a", "c"}));
  EXPECT_EQ(*lake_.Bytes("c"), "written offline");
}

TEST_F(WatchTest, ReadsThroughABlackHoleWaitForOneRequestAtMost) {
  lake_.Plant("a", "absent");
  Open();
  site().link().SetLink(lake::LinkState::kBlackHole);
  // One request of a reader's is waited for, and that for less than a second: what a machine adds
  // to it says nothing of us.
  static_assert(CircuitBreakerOptions{}.first_byte_patience < std::chrono::seconds(1));
  const auto waited = [this] {
    return site().link().swallowed(lake::Cause::kReadThrough) +
           site().link().swallowed(lake::Cause::kReconcile);
  };
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t before = waited();
    EXPECT_EQ(site().Read("a"), "Offline");
    EXPECT_LE(waited() - before, 1u);
    EXPECT_GE(waited(), 1u);
  }
  site().link().Heal();
  EXPECT_TRUE(Site::Eventually([&] { return site().Read("a") == "absent"; }));
}

TEST_F(WatchTest, ArchivedThereAnswersArchivedHere) {
  lake_.Plant("a", "bytes");
  Open();
  const auto set = [&](azure::AccessTier tier) {
    return RunSync(lake_.Update(
        {},
        {.name = lake::BlobName("a"), .change = lake::SetTier{.tier = tier}, .conditions = {}}));
  };
  ASSERT_TRUE(set(azure::AccessTier::kArchive));
  // Nobody has walked: the reader finds out.
  EXPECT_EQ(site().Read("a"), "BlobArchived");
  EXPECT_EQ(site().Events(EventKind::kLakeArchived).size(), 1u);
  EXPECT_EQ(site().Read("a"), "BlobArchived");
  EXPECT_EQ(site().Events(EventKind::kLakeArchived).size(), 1u);
}

// Our change of its metadata cannot travel, so the record stays; its bytes are nowhere.
TEST_F(WatchTest, GoneThereWhileAChangeOfOursWaits) {
  lake_.Plant("a", "bytes");
  Open();
  site().link().FailNext({.code = Code::kServerBusy}, lake::LakeOperation::kUpdate, 100'000);
  ASSERT_TRUE(site().SetMetadata("a", {{"mine", "yes"}}));
  lake_.Remove("a");
  EXPECT_EQ(site().Read("a"), "BlobNotFound");
  lake_.Plant("a", "others");
  EXPECT_EQ(site().Read("a"), "ServerBusy");
  site().link().Heal();
  ASSERT_TRUE(site().Sync());
  ASSERT_TRUE(site().Walk());
  EXPECT_EQ(site().Read("a"), "others");
  EXPECT_EQ(site().Conflicts().size(), 1u);
}

// Out of the archive as in Azure: the lake takes its time, and says when it is done.
TEST_F(WatchTest, RehydrationIsTheLakes) {
  ManualClock lake_clock;
  lake::MemoryLake lake({.clock = &lake_clock, .rehydration = std::chrono::hours(10)});
  lake.Plant("a", "bytes");
  Site site(lake, {});
  using azure::AccessTier;
  ASSERT_TRUE(site.SetTier("a", AccessTier::kArchive));
  ASSERT_TRUE(site.Sync());
  EXPECT_EQ(site.Read("a"), "BlobArchived");
  const auto begun = site.SetTier("a", AccessTier::kCool, azure::RehydratePriority::kHigh);
  ASSERT_TRUE(begun);
  EXPECT_TRUE(begun->rehydration_pending);
  EXPECT_EQ(site.SetTier("a", AccessTier::kHot).error().code(), Code::kBlobBeingRehydrated);
  ASSERT_TRUE(site.Sync());
  EXPECT_EQ(lake.State("a")->properties.rehydrating_to, AccessTier::kCool);
  ASSERT_TRUE(site.Walk());
  EXPECT_EQ(site.Read("a"), "BlobArchived");
  EXPECT_EQ(site.engine().Properties("a")->record.rehydrating_to, AccessTier::kCool);
  // High priority: a tenth of the time.
  lake_clock.Advance(std::chrono::minutes(61));
  ASSERT_TRUE(site.Walk());
  EXPECT_EQ(site.Read("a"), "bytes");
  EXPECT_EQ(site.engine().Properties("a")->record.tier, AccessTier::kCool);
  EXPECT_EQ(site.Events(EventKind::kLakeRehydrated).size(), 1u);
}

// What the lake listed before directories moved and went there says nothing of what is here since.
TEST_F(WatchTest, ADirectoryThatWentWhileThePageWasOnItsWayStaysAway) {
  for (const bool lake_hierarchical : {false, true}) {
    SCOPED_TRACE(lake_hierarchical);
    lake::MemoryLake lake({.hierarchical = lake_hierarchical});
    for (const char* name : {"doomed/a", "doomed/b", "old/c", "z"}) lake.Plant(name, "bytes");
    SiteOptions options{.engine = {.hierarchical = true, .faults = {}}};
    options.offload.deletes.per_window = 1;  // what is below waits until somebody agrees
    Site site(lake, options);
    auto& engine = site.engine();
    engine::DeletePathRequest doom;
    doom.target = engine.Blob("doomed");
    doom.recursive = true;
    ASSERT_TRUE(engine.Run(engine::DeletePath(engine.services(), {}, std::move(doom))));
    engine::RenamePathRequest move;
    move.source = engine.Blob("old");
    move.target = engine.Blob("new");
    ASSERT_TRUE(engine.Run(engine::RenamePath(engine.services(), {}, std::move(move))));
    ASSERT_TRUE(Site::Eventually(
        [&] { return !site.tier().Status().front().offload.deletes_paused.empty(); }));
    std::promise<void> listed, go;
    std::atomic<bool> first{true};
    lake.OnRequest([&](lake::LakeOperation operation, const std::string&) {
      if (operation != lake::LakeOperation::kList || !first.exchange(false)) return;
      listed.set_value();
      go.get_future().wait();
    });
    LiveNames names(engine.services());
    WatchPass pass(engine.services(), names, site.attachment());
    std::jthread walk([&] { EXPECT_TRUE(RunSync(pass.Run({}))); });
    listed.get_future().wait();
    EXPECT_TRUE(engine.Run(site.tier().ApproveDeletes({}, engine.Container(), 10)));
    EXPECT_TRUE(site.Sync());
    go.set_value();
    walk.join();
    lake.OnRequest({});
    for (const char* gone : {"doomed/a", "doomed/b", "old/c"}) {
      EXPECT_NE(site.Read(gone), "bytes") << gone;
    }
    for (const char* there : {"new/c", "z"}) EXPECT_EQ(site.Read(there), "bytes") << there;
  }
}

}  // namespace
}  // namespace forebay::tier
