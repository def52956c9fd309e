// For the tests of the offload: a container attached read-write to a lake in memory, whose offload
// runs as in a server.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "meta/namespace.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {

struct OffloadFixtureOptions {
  TierFixtureOptions tier{};
  OffloadOptions offload{};
  meta::Ordering ordering = meta::Ordering::kCommit;
  meta::Acknowledge acknowledge = meta::Acknowledge::kLocal;
  // Decides every conflict so; kWait: there is no handler.
  ConflictDecision::Action handler = ConflictDecision::Action::kWait;
  // With each decision.
  std::function<Result<>(kv::Transaction&, const DroppedChanges&)> commit{};
};

class OffloadFixture final : public ConflictHandler {
 public:
  explicit OffloadFixture(OffloadFixtureOptions options = {})
      : options_(std::move(options)), tier_fixture_(Prepare(options_, this)) {}

  void AttachReadWrite() {
    ASSERT_TRUE(engine().MakeContainer());
    AttachRequest request = tier_fixture_.Request(meta::LakeMode::kReadWrite);
    request.ordering = options_.ordering;
    request.acknowledge = options_.acknowledge;
    auto done = engine().Run(tier().Attach({}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
    ASSERT_TRUE(tier_fixture_.Import());
    requests_before_ = AllRequests();
  }
  engine::EngineFixture& engine() { return tier_fixture_.engine(); }
  lake::MemoryLake& lake() { return tier_fixture_.lake(); }
  lake::FaultyLake& faulty_lake() { return tier_fixture_.faulty_lake(); }
  LakeTier& tier() { return tier_fixture_.tier(); }
  TierFixture& tier_fixture() { return tier_fixture_; }
  void Restart() { tier_fixture_.Restart(); }
  void StopTier() { tier().Stop(); }

  Result<> Sync(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    OpContext context;
    context.deadline = std::chrono::steady_clock::now() + patience;
    return engine().Run(tier().Sync(context, engine().Container()));
  }
  bool Until(const std::function<bool()>& condition) {
    for (int i = 0; i < 5'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  OffloadStatus Status() { return tier().Status().front().offload; }
  std::uint64_t Backlog() { return Status().changes; }

  std::uint64_t Requests(lake::LakeOperation operation) {
    return tier_fixture_.Requests(operation);
  }
  // Since it was attached and imported.
  std::uint64_t TotalRequests() { return AllRequests() - requests_before_; }
  std::uint64_t BytesUp() { return tier_fixture_.usage().total().bytes_up; }

  // The record and notes of a name go, as if nobody here had ever heard of it.
  void Forget(const std::string& name) {
    ASSERT_TRUE(engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(
          const meta::ContainerRecord container,
          engine::RequireContainer(txn, engine().account().name, azure::ContainerName("box")));
      FB_ASSIGN_OR_RETURN(auto found, meta::NamespaceOf(container).Find(txn, container.id, name));
      if (!found) return {};
      return meta::NamespaceOf(container).Erase(txn, container.id, name);
    }));
  }

  Task<ConflictDecision> Decide(OpContext, Conflict) override {
    ++conflicts_;
    ConflictDecision decision;
    decision.action = options_.handler;
    decision.commit = options_.commit;
    co_return decision;
  }
  int conflicts() const { return conflicts_; }

 private:
  static TierFixtureOptions Prepare(const OffloadFixtureOptions& options, OffloadFixture* self) {
    TierFixtureOptions tier = options.tier;
    tier.offload = options.offload;
    tier.offload.retry = std::chrono::milliseconds(5);
    tier.offload.longest_retry = std::chrono::milliseconds(20);
    tier.offload.acknowledge_time = std::chrono::milliseconds(300);
    tier.run_offload = true;
    if (options.handler != ConflictDecision::Action::kWait) tier.conflicts = self;
    return tier;
  }
  std::uint64_t AllRequests() { return tier_fixture_.usage().total().requests; }

  const OffloadFixtureOptions options_;
  std::atomic<int> conflicts_{0};
  TierFixture tier_fixture_;
  std::uint64_t requests_before_ = 0;
};

}  // namespace forebay::tier
