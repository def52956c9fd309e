#include "lake/memory_lake.h"

#include <thread>

#include "lake/contract_suite.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

LakeMaker Maker(bool hierarchical) {
  LakeMaker out;
  out.name = hierarchical ? "Hierarchical" : "Flat";
  out.hierarchical = hierarchical;
  out.make = [hierarchical] {
    return std::make_unique<MemoryLake>(MemoryLakeOptions{.hierarchical = hierarchical});
  };
  return out;
}

INSTANTIATE_TEST_SUITE_P(Memory, LakeContract, testing::Values(Maker(false), Maker(true)),
                         MakerName);
INSTANTIATE_TEST_SUITE_P(Memory, FlatLakeContract, testing::Values(Maker(false)), MakerName);
INSTANTIATE_TEST_SUITE_P(Memory, HierarchicalLakeContract, testing::Values(Maker(true)), MakerName);

TEST(MemoryLake, TimePassesWhenToldTo) {
  ManualClock clock;
  MemoryLake lake({.clock = &clock, .rehydration = 10h, .copy_takes = 5s});
  lake.Plant("a", "text");
  UpdateRequest tier{.name = BlobName("a"), .change = SetTier{.tier = AccessTier::kArchive}};
  ASSERT_TRUE(RunSync(lake.Update({}, tier)).has_value());
  tier.change = SetTier{.tier = AccessTier::kHot, .priority = RehydratePriority::kHigh};
  ASSERT_TRUE(RunSync(lake.Update({}, tier)).has_value());
  EXPECT_EQ(lake.State("a")->properties.tier, AccessTier::kArchive);
  clock.Advance(1h);
  EXPECT_EQ(lake.State("a")->properties.tier, AccessTier::kHot);

  CopyRequest copy{.source = BlobName("a"), .destination = BlobName("b")};
  const auto begun = RunSync(lake.Copy({}, copy));
  ASSERT_TRUE(begun.has_value());
  EXPECT_EQ(begun->status, CopyStatus::kPending);
  EXPECT_EQ(lake.Bytes("b"), "");
  EXPECT_EQ(RunSync(lake.Copy({}, copy)).error().code(), Code::kPendingCopyOperation);
  clock.Advance(5s);
  EXPECT_EQ(lake.Bytes("b"), "text");
  EXPECT_EQ(lake.State("b")->properties.copy.status, CopyStatus::kSuccess);

  PutBlockRequest block{.name = BlobName("c"), .id = BlockId("1"), .content = TextContent("x")};
  ASSERT_TRUE(RunSync(lake.PutBlock({}, block)).has_value());
  clock.Advance(std::chrono::days(7));
  CommitRequest commit{.name = BlobName("c"), .blocks = {{BlockId("1"), BlockSource::kLatest}}};
  EXPECT_EQ(RunSync(lake.CommitBlocks({}, commit)).error().code(), Code::kInvalidBlockList);
}

TEST(MemoryLake, LeasesAndAMissingContainerAreInTheWay) {
  MemoryLake lake;
  lake.Plant("a", "text");
  lake.SetLease("a", "L1");
  PutRequest put{.name = BlobName("a"), .content = TextContent("new")};
  EXPECT_EQ(RunSync(lake.Put({}, put)).error().code(), Code::kLeaseIdMissing);
  put.conditions.lease_id = "L1";
  EXPECT_TRUE(RunSync(lake.Put({}, put)).has_value());
  lake.SetContainerMissing(true);
  EXPECT_EQ(RunSync(lake.Probe({}, {})).error().code(), Code::kContainerNotFound);
}

TEST(MemoryLake, CountsByCauseAndTellsOfRequests) {
  Accounting accounting;
  MemoryLake lake({.accounting = &accounting});
  std::vector<std::string> seen;
  lake.OnRequest([&](LakeOperation operation, const std::string& name) {
    seen.push_back(std::string(LakeOperationName(operation)) + " " + name);
  });
  PutRequest put{.name = BlobName("a"), .content = TextContent("12345")};
  ASSERT_TRUE(RunSync(lake.Put({.context = {}, .cause = Cause::kOffload}, put)).has_value());
  HeadRequest head{.name = BlobName("a")};
  ASSERT_TRUE(RunSync(lake.Head({.context = {}, .cause = Cause::kReconcile}, head)).has_value());
  EXPECT_EQ(seen, (std::vector<std::string>{"put a", "head a"}));
  const LakeUsage usage = accounting.usage();
  EXPECT_EQ(usage.of(Cause::kOffload).bytes_up, 5u);
  EXPECT_EQ(usage.of(Cause::kOffload).requests, 1u);
  EXPECT_EQ(usage.of(LakeOperation::kHead), 1u);
  EXPECT_EQ(usage.total().requests, 2u);
}

}  // namespace
}  // namespace forebay::lake
