#include "tier/offload_lease.h"

#include <gmock/gmock.h>

#include <functional>
#include <thread>

#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

// --- The lease alone.

class LeaseOfOneTest : public ::testing::Test {
 protected:
  OffloadLease Of(std::uint64_t owner) {
    return {engine_.services(), meta::ContainerId(7), owner, seconds(60)};
  }
  Code Keep(OffloadLease& lease) {
    const auto kept = engine_.Run(lease.Keep({}));
    return kept ? Code{} : kept.error().code();
  }
  Result<> Check(const OffloadLease& lease) { return lease.Check(*engine_.store().GetSnapshot()); }

  engine::EngineFixture engine_;
};

TEST_F(LeaseOfOneTest, KeepsOthersOutWhileItIsRenewed) {
  OffloadLease one = Of(1), two = Of(2);
  EXPECT_FALSE(one.holds());
  EXPECT_FALSE(Check(one)) << "nothing is settled before it is taken";
  ASSERT_EQ(Keep(one), Code{});
  EXPECT_TRUE(one.holds());
  EXPECT_TRUE(Check(one));
  EXPECT_FALSE(one.due()) << "a third of it has to pass";
  for (int i = 0; i < 5; ++i) {
    engine_.clock().Advance(seconds(30));
    EXPECT_TRUE(one.due());
    EXPECT_EQ(Keep(two), Code::kLocked);
    ASSERT_EQ(Keep(one), Code{});
    EXPECT_TRUE(Check(one));
  }
  EXPECT_FALSE(two.holds());
}

TEST_F(LeaseOfOneTest, StopsBeforeAnotherMayBegin) {
  OffloadLease one = Of(1), two = Of(2);
  ASSERT_EQ(Keep(one), Code{});
  engine_.clock().Advance(seconds(50));
  EXPECT_FALSE(one.holds());
  EXPECT_EQ(Keep(two), Code::kLocked) << "the other one waits for longer";
  engine_.clock().Advance(seconds(11));
  ASSERT_EQ(Keep(two), Code{});
  EXPECT_TRUE(two.holds());
}

TEST_F(LeaseOfOneTest, WhoLostItSettlesNothingAndIsTold) {
  OffloadLease one = Of(1), two = Of(2);
  ASSERT_EQ(Keep(one), Code{});
  engine_.clock().Advance(seconds(61));
  EXPECT_TRUE(Check(one)) << "until somebody else takes it";
  ASSERT_EQ(Keep(two), Code{});
  EXPECT_EQ(Check(one).error().code(), Code::kStale);
  EXPECT_EQ(Keep(one), Code::kStale);
  // Also where the other one has come and gone: what this one knows is old.
  two.Release();
  EXPECT_EQ(Keep(one), Code::kStale);
  EXPECT_EQ(Check(one).error().code(), Code::kStale);
  OffloadLease anew = Of(1);
  EXPECT_EQ(Keep(anew), Code{}) << "a fresh start in the same process";
  EXPECT_TRUE(Check(anew));
}

TEST_F(LeaseOfOneTest, WhatIsGivenBackIsTakenAtOnce) {
  OffloadLease one = Of(1), two = Of(2);
  ASSERT_EQ(Keep(one), Code{});
  one.Release();
  EXPECT_FALSE(one.holds());
  ASSERT_EQ(Keep(two), Code{});
  one.Release();
  EXPECT_TRUE(Check(two)) << "somebody else's lease is not given back";
  EXPECT_EQ(Keep(one), Code::kLocked);
}

// --- Two processes on one store.

class TwoOffloadersTest : public ::testing::Test {
 protected:
  struct Process {
    explicit Process(lake::MemoryLake& lake) : link(lake) {}
    lake::FaultyLake link;
    std::unique_ptr<LakeTier> tier;
  };

  void SetUp() override {
    ASSERT_TRUE(engine_.MakeContainer());
    one_ = Start(/*run_jobs=*/true);
    AttachRequest request;
    request.target = engine_.Container();
    request.mode = meta::LakeMode::kReadWrite;
    request.endpoint = "https://acct.blob.core.windows.net/datasets";
    request.credential = "sas:@/etc/forebay/lake.sas";
    const auto attached = engine_.Run(one_->tier->Attach({}, std::move(request)));
    ASSERT_TRUE(attached) << attached.error().ToString();
    ASSERT_TRUE(Until([this] { return one_->tier->Status().front().import.finished; }));
    Put("first");
    ASSERT_TRUE(Sync(*one_));
    two_ = Start(/*run_jobs=*/false);
  }
  void TearDown() override {
    two_.reset();
    one_.reset();
  }

  std::unique_ptr<Process> Start(bool run_jobs) {
    auto process = std::make_unique<Process>(lake_);
    LakeTierOptions options;
    options.factory = [link = &process->link](const meta::AttachRecord&) {
      return Result<std::shared_ptr<lake::ObjectLake>>(
          std::shared_ptr<lake::ObjectLake>(link, [](lake::ObjectLake*) {}));
    };
    options.retry = std::chrono::milliseconds(5);
    options.run_jobs = run_jobs;
    options.offload.retry = std::chrono::milliseconds(5);
    options.offload.longest_retry = std::chrono::milliseconds(20);
    options.offload.lease = seconds(60);
    options.watch.interval = std::chrono::milliseconds(0);
    options.lifecycle.interval = std::chrono::milliseconds(0);
    process->tier = std::make_unique<LakeTier>(engine_.services(), std::move(options));
    EXPECT_TRUE(process->tier->Start());
    return process;
  }
  void Put(const std::string& name) { ASSERT_TRUE(engine_.Put(name, "bytes of " + name)); }
  Result<> Sync(Process& process) {
    OpContext context;
    context.deadline = std::chrono::steady_clock::now() + seconds(60);
    return engine_.Run(process.tier->Sync(context, engine_.Container()));
  }
  static std::uint64_t Sent(const Process& process) {
    return process.tier->Status().front().offload.sent_changes;
  }
  static std::uint64_t Backlog(const Process& process) {
    return process.tier->Status().front().offload.changes;
  }
  static bool Until(const std::function<bool()>& condition) {
    for (int i = 0; i < 30'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  std::uint64_t Puts() const { return accounting_.usage().of(lake::LakeOperation::kPut); }
  std::string Job() {
    const auto found = engine::RequireContainer(
        *engine_.store().GetSnapshot(), engine_.account().name, azure::ContainerName("box"));
    return "offload/" + std::to_string(found->id.value());
  }

  lake::Accounting accounting_;
  engine::EngineFixture engine_;
  lake::MemoryLake lake_{{.accounting = &accounting_}};
  std::unique_ptr<Process> one_, two_;
};

TEST_F(TwoOffloadersTest, OneDrainsAndTheOtherTakesOverWhenItEnds) {
  for (int i = 0; i < 20; ++i) Put("a" + std::to_string(i));
  ASSERT_TRUE(Sync(*one_));
  ASSERT_TRUE(Sync(*two_)) << "the barrier holds in whichever process it is asked for";
  EXPECT_EQ(Sent(*one_), 21u);
  EXPECT_EQ(Sent(*two_), 0u);
  EXPECT_EQ(Puts(), 21u) << "each once";
  one_->tier->Stop();  // gives the lease back: no time has to pass
  Put("last");
  ASSERT_TRUE(Sync(*two_));
  EXPECT_EQ(Sent(*two_), 1u);
  EXPECT_EQ(Puts(), 22u);
  EXPECT_EQ(lake_.Bytes("last"), "bytes of last");
  EXPECT_EQ(engine_.KeysOfTable('j'), 0u);
}

TEST_F(TwoOffloadersTest, WhoHangsLosesItsTurn) {
  one_->link.SetLink(lake::LinkState::kBlackHole);
  Put("stuck");
  ASSERT_TRUE(Until([this] { return one_->tier->Status().front().offload.under_way == 1; }));
  EXPECT_EQ(Sent(*two_), 0u);
  engine_.clock().Advance(seconds(61));
  ASSERT_TRUE(Sync(*two_)) << "its lease has run out";
  EXPECT_EQ(Sent(*two_), 1u);
  // The first one comes to itself: it finds that its turn is over, and sends nothing.
  one_->link.SetLink(lake::LinkState::kUp);
  Put("next");
  ASSERT_TRUE(Sync(*two_));
  ASSERT_TRUE(Sync(*one_));
  EXPECT_EQ(Sent(*two_), 2u);
  EXPECT_EQ(Sent(*one_), 0u) << "it began anew, and waits";
  EXPECT_EQ(Puts(), 3u);
  two_->tier->Stop();
  Put("again");
  ASSERT_TRUE(Sync(*one_));
  EXPECT_EQ(Sent(*one_), 1u);
  EXPECT_THAT(lake_.Names(), ElementsAre("again", "first", "next", "stuck"));
  EXPECT_EQ(engine_.KeysOfTable('j'), 0u);
}

// The clocks of two machines differ, or one stood still: it believes in its lease, sends, and finds
// at the end that what it did is not its to note.
TEST_F(TwoOffloadersTest, WhatWasSentWithoutTheLeaseIsNotSettled) {
  two_.reset();
  constexpr std::uint64_t kThief = 99;
  ASSERT_TRUE(meta::EndLeases(engine_.store()));
  ASSERT_TRUE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_RETURN_IF_ERROR(
        meta::AcquireLease(txn, Job(), kThief, engine_.clock().Now(), seconds(3600)));
    return {};
  }));
  Put("late");
  ASSERT_TRUE(Until([this] { return lake_.Names().size() == 2; }));
  // It has stopped: a fresh one waits for the lease.
  ASSERT_TRUE(Until([this] { return Sent(*one_) == 0; }));
  EXPECT_EQ(Backlog(*one_), 1u) << "the entry is the other one's to settle";
  EXPECT_EQ(engine_.KeysOfTable('j'), 1u);
  ASSERT_TRUE(engine_.store().TransactBlocking(
      [&](kv::Transaction& txn) { return meta::ReleaseLease(txn, Job(), kThief); }));
  ASSERT_TRUE(Sync(*one_)) << "it recognises its own write";
  EXPECT_EQ(engine_.KeysOfTable('j'), 0u);
  EXPECT_EQ(lake_.Bytes("late"), "bytes of late");
  EXPECT_EQ(one_->tier->Status().front().offload.blocked, 0u);
}

}  // namespace
}  // namespace forebay::tier
