#include "engine/sweeper.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/copy_blob.h"
#include "engine/delete_container.h"
#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"
#include "engine/prepare.h"
#include "engine/sweep_steps.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

class SweeperTest : public testing::TestWithParam<bool> {
 protected:
  SweeperTest() { EXPECT_TRUE(f_.MakeContainer()); }
  bool HasBlocks(std::string_view name) {
    return f_
        .Run(GetBlockList(f_.services(), f_.context(),
                          {.target = f_.Blob(name), .uncommitted = true}))
        .has_value();
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(SweeperTest, UncommittedBlocksAreCollectedAfterAWeek) {
  ASSERT_TRUE(f_.Put("kept", Text(100)));
  const std::string stored = f_.Stored();
  ASSERT_TRUE(f_.Stage("old", "b1", Text(100)));
  ASSERT_TRUE(f_.Stage("touched", "b1", Text(100)));
  f_.clock().Advance(std::chrono::hours(24 * 6));
  ASSERT_TRUE(f_.Stage("touched", "b2", Text(5)));
  ASSERT_TRUE(f_.sweeper().RunOnce());
  EXPECT_TRUE(HasBlocks("old")) << "after six days";
  f_.clock().Advance(std::chrono::hours(30));
  const auto report = f_.sweeper().RunOnce();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->staged_blobs, 1u);
  EXPECT_FALSE(HasBlocks("old"));
  EXPECT_TRUE(HasBlocks("touched")) << "a block was staged two days ago";
  f_.clock().Advance(std::chrono::hours(24 * 8));
  ASSERT_TRUE(f_.sweeper().RunOnce());
  EXPECT_FALSE(HasBlocks("touched"));
  EXPECT_EQ(f_.Stored(), stored);
  EXPECT_EQ(*f_.Read("kept"), Text(100));
}

TEST_P(SweeperTest, ADeletedContainerGivesEverythingBack) {
  for (int n = 0; n < 90; ++n) {
    const std::string name = "d" + std::to_string(n % 7) + "/" + std::to_string(n);
    ASSERT_TRUE(f_.Put(name, Text(static_cast<std::size_t>(n) * 3), WithTags({{"t", "1"}})));
    if (n % 5 == 0) ASSERT_TRUE(f_.Stage(name, "b1", Text(30)));
    if (n % 3 == 0) {
      CopyBlobRequest copy;
      copy.source = f_.Blob(name);
      copy.target = f_.Blob("copy" + std::to_string(n));
      ASSERT_TRUE(f_.Run(CopyBlob(f_.services(), f_.context(), copy)));
    }
  }
  ASSERT_TRUE(f_.Run(DeleteContainer(f_.services(), f_.context(), {.target = f_.Container()})));
  f_.clock().Advance(std::chrono::hours(1));
  const auto report = f_.sweeper().RunOnce();
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->containers, 1u);
  EXPECT_GE(report->blobs, 120u);
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
  for (const char table : std::string_view("nhdix")) EXPECT_EQ(f_.KeysOfTable(table), 0u) << table;
}

TEST_P(SweeperTest, ABodyUnderAReaderWaits) {
  ASSERT_TRUE(f_.Put("a", Text(400)));
  const meta::BodyId body = f_.Properties("a")->record.body.id;
  auto pin = f_.services().pins.Pin(body);
  ASSERT_TRUE(f_.Delete("a"));
  f_.Sweep(2);
  EXPECT_EQ(f_.LinkedChunks(), 25u);
  pin.reset();
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
}

// Power may go between any two of its transactions: the next pass goes on where it stopped.
TEST_P(SweeperTest, GoesOnAfterAnyFailure) {
  ASSERT_TRUE(f_.Put("a", Text(16 * 400)));
  for (int n = 0; n < 9; ++n) ASSERT_TRUE(f_.Stage("a", "b" + std::to_string(n), Text(50)));
  ASSERT_TRUE(f_.Delete("a"));
  std::size_t failed = 0;
  for (std::size_t skip = 0;; skip = (skip + 1) % 3) {
    f_.clock().Advance(std::chrono::hours(1));
    f_.store().FailNext(Code::kIo, 1, 1 + skip);
    const auto swept = f_.sweeper().RunOnce();
    f_.store().FailNext(Code::kIo, 0);
    if (swept) break;
    ++failed;
    ASSERT_LT(failed, 200u);
  }
  EXPECT_GT(failed, 5u);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(SweeperTest, OneOfSeveralDoesTheWork) {
  Sweeper other(f_.services());
  f_.clock().Advance(std::chrono::hours(1));
  ASSERT_TRUE(other.RunOnce());
  EXPECT_EQ(f_.sweeper().RunOnce().error().code(), Code::kLocked);
  f_.clock().Advance(std::chrono::minutes(2));
  EXPECT_TRUE(f_.sweeper().RunOnce()) << "once the lease is over";
  EXPECT_EQ(other.RunOnce().error().code(), Code::kLocked);
}

TEST_P(SweeperTest, TheThreadSweepsSoonAfterADelete) {
  ASSERT_TRUE(f_.Put("a", Text(400)));
  f_.sweeper().Start(std::chrono::hours(1));
  ASSERT_TRUE(f_.Delete("a"));
  for (int i = 0; i < 500 && !f_.Stored().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  f_.sweeper().Stop();
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(SweeperTest, OneBadRecordDoesNotKeepTheRest) {
  ASSERT_TRUE(f_.Put("a", Text(400)));
  ASSERT_TRUE(f_.Stage("s", "b1", Text(100)));
  const std::vector<std::string> bad = {
      meta::keys::GarbageBody(meta::BodyId(1)), meta::keys::GarbageContainers() + "bad",
      meta::keys::Staging(meta::ContainerId(1), "bad"), meta::keys::Appends(meta::BlobId(1))};
  ASSERT_TRUE(f_.store().TransactBlocking([&bad](kv::Transaction& txn) -> Result<> {
    for (const std::string& key : bad) txn.Put(key, "\xff no record");
    return {};
  }));
  ASSERT_TRUE(f_.Delete("a"));
  f_.clock().Advance(std::chrono::hours(24 * 9));
  for (int pass = 0; pass < 2; ++pass) {
    const auto report = f_.sweeper().RunOnce();
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->skipped, bad.size());
  }
  const SweepTotals totals = f_.sweeper().totals();
  EXPECT_EQ(totals.last_skipped, bad.size());
  EXPECT_EQ(totals.swept.skipped, 2 * bad.size());
  EXPECT_GT(totals.swept.bodies, 0u);
  EXPECT_EQ(totals.passes, 2u);
  EXPECT_EQ(totals.failed_passes, 0u);
  const auto snapshot = f_.store().GetSnapshot();
  for (const std::string& key : bad) EXPECT_TRUE(*snapshot->Get(key)) << "left as it is";
  ASSERT_TRUE(f_.store().TransactBlocking([&bad](kv::Transaction& txn) -> Result<> {
    for (const std::string& key : bad) txn.Erase(key);
    return {};
  }));
  EXPECT_EQ(f_.Stored(), "") << "all else was collected";
}

// A commit that comes back after its preparation was condemned must not adopt half of it.
TEST_P(SweeperTest, ACondemnedPreparationCannotBeAdopted) {
  const meta::BodyId body(77);
  meta::GarbageRecord garbage;
  for (const auto [kind, becomes] :
       {std::pair{meta::GarbageKind::kPreparing, meta::GarbageKind::kBody},
        std::pair{meta::GarbageKind::kPreparingList, meta::GarbageKind::kForgetList},
        std::pair{meta::GarbageKind::kPreparingShared, meta::GarbageKind::kForgetShared}}) {
    garbage.kind = kind;
    const std::string record = meta::Encode(garbage);
    ASSERT_TRUE(f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      txn.Put(meta::keys::GarbageBody(body), record);
      return {};
    }));
    std::optional<meta::GarbageKind> now;
    ASSERT_TRUE(f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(now, CondemnStep(txn, body));
      return {};
    }));
    EXPECT_EQ(now, becomes);
    const auto adopted =
        f_.store().TransactBlocking([&](kv::Transaction& txn) { return AdoptPrepared(txn, body); });
    ASSERT_FALSE(adopted);
    EXPECT_EQ(adopted.error().code(), Code::kBusy);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, SweeperTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
