#include "tier/lifecycle_run.h"

#include <gtest/gtest.h>

#include "tier/site_fixture.h"

namespace forebay::tier {
namespace {

using azure::AccessTier;

constexpr const char* kPolicy = R"({"rules": [
  {"name": "logs", "enabled": true, "type": "Lifecycle", "definition": {
    "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["box/logs/"]},
    "actions": {"baseBlob": {
      "tierToCool": {"daysAfterModificationGreaterThan": 30},
      "tierToArchive": {"daysAfterModificationGreaterThan": 90},
      "delete": {"daysAfterModificationGreaterThan": 365}}}}},
  {"name": "tagged", "enabled": true, "type": "Lifecycle", "definition": {
    "filters": {"blobTypes": ["blockBlob"],
                "blobIndexMatch": [{"name": "keep", "op": "==", "value": "no"}]},
    "actions": {"baseBlob": {"delete": {"daysAfterCreationGreaterThan": 1}}}}}]})";

class LifecycleRunTest : public ::testing::Test {
 protected:
  engine::Services& services() { return engine_.services(); }
  void Days(int days) { engine_.clock().Advance(std::chrono::hours(24 * days + 1)); }
  LifecycleReport RunOnce(LifecycleOptions options = {}) {
    auto report = engine_.Run(RunLifecycle(services(), {}, account_, options));
    EXPECT_TRUE(report) << report.error().ToString();
    return report ? *report : LifecycleReport{};
  }
  AccessTier TierOf(std::string_view name) { return engine_.Properties(name)->record.tier; }

  engine::EngineFixture engine_;
  const azure::AccountName account_{"devstoreaccount1"};
};

TEST_F(LifecycleRunTest, IsKeptAsAzureWritesIt) {
  EXPECT_EQ(engine_.Run(GetLifecyclePolicy(services(), {}, account_)).error().code(),
            Code::kResourceNotFound);
  const auto put = engine_.Run(PutLifecyclePolicy(services(), {}, account_, kPolicy));
  ASSERT_TRUE(put) << put.error().ToString();
  const auto got = engine_.Run(GetLifecyclePolicy(services(), {}, account_));
  ASSERT_TRUE(got);
  EXPECT_EQ(*azure::ParseLifecyclePolicy(*got), *azure::ParseLifecyclePolicy(kPolicy));
  ASSERT_TRUE(engine_.Run(DeleteLifecyclePolicy(services(), {}, account_)));
  EXPECT_FALSE(engine_.Run(GetLifecyclePolicy(services(), {}, account_)));
  EXPECT_EQ(engine_.Run(RunLifecycle(services(), {}, account_, {})).error().code(),
            Code::kResourceNotFound);
}

TEST_F(LifecycleRunTest, RefusesWhatWouldNeverRun) {
  EXPECT_EQ(engine_.Run(PutLifecyclePolicy(services(), {}, account_, "{}")).error().code(),
            Code::kInvalidInput);
  const std::string access = R"({"rules": [{"name": "r", "enabled": true, "type": "Lifecycle",
    "definition": {"filters": {"blobTypes": ["blockBlob"]}, "actions": {"baseBlob": {
      "tierToCool": {"daysAfterLastAccessTimeGreaterThan": 3}}}}}]})";
  EXPECT_EQ(engine_.Run(PutLifecyclePolicy(services(), {}, account_, access)).error().code(),
            Code::kUnsupported);
}

TEST_F(LifecycleRunTest, MovesAndDeletesByAgePrefixAndTag) {
  ASSERT_TRUE(engine_.MakeContainer());
  ASSERT_TRUE(engine_.Run(PutLifecyclePolicy(services(), {}, account_, kPolicy)));
  ASSERT_TRUE(engine_.Put("logs/a", "a"));
  ASSERT_TRUE(engine_.Put("other", "b"));
  ASSERT_TRUE(engine_.Put("doomed", "c", engine::WithTags({{"keep", "no"}})));
  EXPECT_EQ(RunOnce().moved, 0u);
  Days(31);
  // A dry run lists and does nothing.
  const LifecycleReport dry = RunOnce({.dry_run = true});
  EXPECT_EQ(dry.moved, 1u);
  EXPECT_EQ(dry.deleted, 1u);
  ASSERT_EQ(dry.moves.size(), 2u);
  EXPECT_EQ(dry.moves[0].name, "doomed");
  EXPECT_EQ(dry.moves[0].rule, "tagged");
  EXPECT_EQ(dry.moves[1].action, azure::LifecycleAction::kToCool);
  EXPECT_EQ(TierOf("logs/a"), AccessTier::kHot);
  const LifecycleReport done = RunOnce();
  EXPECT_EQ(done.blobs, 3u);
  EXPECT_EQ(done.moved, 1u);
  EXPECT_EQ(done.deleted, 1u);
  EXPECT_EQ(TierOf("logs/a"), AccessTier::kCool);
  EXPECT_EQ(TierOf("other"), AccessTier::kHot);
  EXPECT_FALSE(engine_.Properties("doomed"));
  // What is there already is not moved again.
  EXPECT_EQ(RunOnce().moved, 0u);
  Days(60);
  EXPECT_EQ(RunOnce().moved, 1u);
  EXPECT_EQ(TierOf("logs/a"), AccessTier::kArchive);
  Days(300);
  EXPECT_EQ(RunOnce().deleted, 1u);
  EXPECT_FALSE(engine_.Properties("logs/a"));
  EXPECT_TRUE(engine_.Properties("other"));
}

TEST_F(LifecycleRunTest, RunsOnceADayInOneProcess) {
  ASSERT_TRUE(engine_.MakeContainer());
  ASSERT_TRUE(engine_.Run(PutLifecyclePolicy(services(), {}, account_, kPolicy)));
  ASSERT_TRUE(engine_.Put("doomed", "c", engine::WithTags({{"keep", "no"}})));
  WorkerLoop loop(1);
  LifecycleRunner one(services(), loop, {});
  LifecycleRunner two(services(), loop, {});
  Days(2);
  ASSERT_TRUE(engine_.Run(one.RunDue({})));
  ASSERT_TRUE(engine_.Run(two.RunDue({})));
  ASSERT_TRUE(one.LastReport("devstoreaccount1"));
  EXPECT_EQ(one.LastReport("devstoreaccount1")->deleted, 1u);
  EXPECT_FALSE(two.LastReport("devstoreaccount1"));
  // The next day it is anybody's.
  Days(1);
  ASSERT_TRUE(engine_.Run(two.RunDue({})));
  EXPECT_TRUE(two.LastReport("devstoreaccount1"));
  loop.Stop();
}

TEST(LifecycleLakeTest, TierAndDeleteTravelAndLeaveEvents) {
  lake::MemoryLake lake;
  lake.Plant("logs/a", "a");
  Site site(lake, {});
  const azure::AccountName account("devstoreaccount1");
  engine::Services& services = site.engine().services();
  ASSERT_TRUE(site.engine().Run(PutLifecyclePolicy(services, {}, account, kPolicy)));
  site.engine().clock().Set(Clock::System().Now() + std::chrono::hours(24 * 100));
  auto run = site.engine().Run(RunLifecycle(services, {}, account, {}));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->moved, 1u);
  ASSERT_TRUE(site.Sync());
  EXPECT_EQ(lake.State("logs/a")->properties.tier, AccessTier::kArchive);
  EXPECT_EQ(site.Read("logs/a"), "BlobArchived");
  ASSERT_EQ(site.Events(EventKind::kLifecycle).size(), 1u);
  EXPECT_EQ(site.Events(EventKind::kLifecycle).front().text, "tierToArchive by rule logs");
}

TEST(LifecycleLakeTest, AReadOnlyLakeIsLeftAlone) {
  lake::MemoryLake lake;
  lake.Plant("logs/a", "a");
  Site site(lake, {.mode = meta::LakeMode::kReadOnly});
  const azure::AccountName account("devstoreaccount1");
  engine::Services& services = site.engine().services();
  ASSERT_TRUE(site.engine().Run(PutLifecyclePolicy(services, {}, account, kPolicy)));
  site.engine().clock().Set(Clock::System().Now() + std::chrono::hours(24 * 100));
  auto run = site.engine().Run(RunLifecycle(services, {}, account, {}));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->skipped, 1u);
  EXPECT_EQ(run->moved, 0u);
}

}  // namespace
}  // namespace forebay::tier
