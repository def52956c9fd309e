// For tests of several Forebays on one lake: each site has a store, a link and a tier of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/delete_path.h"
#include "engine/engine_fixture.h"
#include "engine/list_blobs.h"
#include "engine/rename_path.h"
#include "engine/update_blob.h"
#include "lake/faulty_lake.h"
#include "lake/memory_lake.h"
#include "tier/lake_tier.h"

namespace forebay::tier {

struct SiteOptions {
  std::string host = "one";
  meta::LakeMode mode = meta::LakeMode::kReadWrite;
  meta::ConflictPolicy policy = meta::ConflictPolicy::kKeepBoth;
  engine::FixtureOptions engine{.faults = {}};
  bool lake_hierarchical = false;
  std::chrono::milliseconds walks{0};  // by themselves; 0: when a test asks
  meta::Ordering ordering = meta::Ordering::kCommit;
  OffloadOptions offload{};
};

class Site {
 public:
  Site(lake::MemoryLake& lake, SiteOptions options)
      : options_(std::move(options)), engine_(options_.engine), faulty_(lake) {
    Restart();
    EXPECT_TRUE(engine_.MakeContainer());
    AttachRequest request;
    request.target = engine_.Container();
    request.mode = options_.mode;
    request.endpoint = "https://acct.blob.core.windows.net/datasets";
    request.credential = "sas:@/etc/forebay/lake.sas";
    request.conflicts = options_.policy;
    request.ordering = options_.ordering;
    auto attached = engine_.Run(tier_->Attach({}, std::move(request)));
    EXPECT_TRUE(attached) << attached.error().ToString();
    AwaitImport();
  }
  ~Site() { tier_.reset(); }

  engine::EngineFixture& engine() { return engine_; }
  lake::FaultyLake& link() { return faulty_; }
  LakeTier& tier() { return *tier_; }

  // The process dies and another one takes over its store, some time later.
  void Restart() {
    tier_.reset();
    engine_.clock().Advance(std::chrono::hours(1));
    LakeTierOptions options;
    options.factory = [this](const meta::AttachRecord&) {
      return Result<std::shared_ptr<lake::ObjectLake>>(
          std::shared_ptr<lake::ObjectLake>(&faulty_, [](lake::ObjectLake*) {}));
    };
    options.retry = std::chrono::milliseconds(5);
    options.offload = options_.offload;
    options.offload.retry = std::chrono::milliseconds(5);
    options.offload.longest_retry = std::chrono::milliseconds(20);
    options.watch.interval = options_.walks;
    options.watch.tick = std::chrono::milliseconds(5);
    options.watch.retry = std::chrono::milliseconds(10);
    options.lifecycle.interval = std::chrono::milliseconds(0);
    options.host = options_.host;
    tier_ = std::make_unique<LakeTier>(engine_.services(), std::move(options));
    engine_.services().lake = tier_.get();
    ASSERT_TRUE(tier_->Start());
  }

  AttachmentPtr attachment() {
    auto found = engine_.Run(tier_->AttachmentOf(engine_.Container()));
    EXPECT_TRUE(found);
    return found ? *found : nullptr;
  }
  Result<> Sync() {
    OpContext context;
    context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    return engine_.Run(tier_->Sync(context, engine_.Container()));
  }
  // One walk along the lake's listing, once the breaker lets it.
  Result<WalkRecord> Walk() {
    const meta::ContainerId container = attachment()->container;
    Result<WalkRecord> walked;
    for (int i = 0; i < 1000; ++i) {
      walked = engine_.Run(tier_->watch().WalkNow({}, container));
      if (walked || walked.error().code() != Code::kOffline) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return walked;
  }

  Result<std::vector<std::string>> Names() {
    engine::ListBlobsRequest request;
    request.target = engine_.Container();
    FB_ASSIGN_OR_RETURN(const engine::ListBlobsResult got,
                        engine_.Run(engine::ListBlobs(engine_.services(), {}, std::move(request))));
    std::vector<std::string> names;
    for (const auto& item : got.items) names.push_back(item.name);
    return names;
  }
  std::string Read(const std::string& name) {
    const auto got = engine_.Read(name);
    return got ? *got : std::string(CodeName(got.error().code()));
  }
  Result<> SetMetadata(const std::string& name, azure::Metadata metadata) {
    engine::UpdateBlobRequest request;
    request.target = engine_.Blob(name);
    request.metadata = std::move(metadata);
    FB_RETURN_IF_ERROR(engine_.Run(engine::UpdateBlob(engine_.services(), {}, std::move(request))));
    return {};
  }
  Result<engine::UpdateBlobResult> SetTier(
      const std::string& name, azure::AccessTier tier,
      azure::RehydratePriority priority = azure::RehydratePriority::kStandard) {
    engine::UpdateBlobRequest request;
    request.target = engine_.Blob(name);
    request.tier = tier;
    request.rehydrate_priority = priority;
    return engine_.Run(engine::UpdateBlob(engine_.services(), {}, std::move(request)));
  }

  Result<> Rename(const std::string& from, const std::string& to) {
    engine::RenamePathRequest request;
    request.source = engine_.Blob(from);
    request.target = engine_.Blob(to);
    FB_RETURN_IF_ERROR(engine_.Run(engine::RenamePath(engine_.services(), {}, std::move(request))));
    return {};
  }
  // A directory with all that is in it.
  Result<> DeleteTree(const std::string& name) {
    engine::DeletePathRequest request;
    request.target = engine_.Blob(name);
    request.recursive = true;
    FB_RETURN_IF_ERROR(engine_.Run(engine::DeletePath(engine_.services(), {}, std::move(request))));
    return {};
  }

  std::vector<ListedConflict> Conflicts() {
    const auto page =
        ListConflicts(*engine_.store().GetSnapshot(), attachment()->container, 0, 1000);
    EXPECT_TRUE(page);
    return page ? page->conflicts : std::vector<ListedConflict>();
  }
  std::vector<LakeEvent> Events(std::optional<EventKind> kind = {}) {
    std::vector<LakeEvent> events;
    const auto page =
        ListEvents(*engine_.store().GetSnapshot(), attachment()->container, 0, 100'000);
    EXPECT_TRUE(page);
    for (const StoredEvent& stored : page->events) {
      if (!kind || stored.event.kind == *kind) events.push_back(stored.event);
    }
    return events;
  }
  static bool Eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 4000; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

 private:
  void AwaitImport() {
    ASSERT_TRUE(Eventually([this] {
      for (const LakeStatus& status : tier_->Status()) {
        if (!status.import.finished) return false;
      }
      return true;
    }));
  }

  const SiteOptions options_;
  engine::EngineFixture engine_;
  lake::FaultyLake faulty_;
  std::unique_ptr<LakeTier> tier_;
};

}  // namespace forebay::tier
