// For the tests of tier/: an engine over parts in memory, a lake in memory with faults in front,
// and the tier between them, which can be restarted.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "engine/engine_fixture.h"
#include "engine/get_container.h"
#include "engine/list_blobs.h"
#include "lake/accounting.h"
#include "lake/faulty_lake.h"
#include "lake/memory_lake.h"
#include "meta/lease.h"
#include "tier/lake_tier.h"

namespace forebay::tier {

struct TierFixtureOptions {
  engine::FixtureOptions engine{};
  bool lake_hierarchical = false;
  bool run_jobs = false;  // imports run when a test runs them
  PlacementOptions placement{};
  bool run_offload = false;
  OffloadOptions offload{};
  ConflictHandler* conflicts = nullptr;
  std::size_t threads = LakeTierOptions{}.threads;
};

// Bytes that differ at every place, so that a shifted or repeated range is noticed.
inline std::string Pattern(std::size_t size, std::uint64_t seed = 1) {
  std::string bytes(size, '\0');
  std::uint64_t x = seed * 0x9E3779B97F4A7C15ULL + 1;
  for (char& c : bytes) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c = static_cast<char>(x);
  }
  return bytes;
}

class TierFixture {
 public:
  explicit TierFixture(TierFixtureOptions options = {})
      : options_(options),
        engine_(options.engine),
        lake_({.hierarchical = options.lake_hierarchical, .accounting = &accounting_}),
        faulty_lake_(lake_) {
    Restart();
  }
  ~TierFixture() { tier_.reset(); }

  engine::EngineFixture& engine() { return engine_; }
  engine::Services& services() { return engine_.services(); }
  lake::MemoryLake& lake() { return lake_; }
  lake::FaultyLake& faulty_lake() { return faulty_lake_; }
  LakeTier& tier() { return *tier_; }

  // A new process on the same store.
  void Restart() {
    tier_.reset();
    // As a server does that has its store alone: one that was killed gives nothing back.
    ASSERT_TRUE(meta::EndLeases(engine_.store()));
    tier_ = std::make_unique<LakeTier>(
        engine_.services(),
        LakeTierOptions{.factory = Factory(),
                        .threads = options_.threads,
                        .retry = std::chrono::milliseconds(5),
                        .run_jobs = options_.run_jobs,
                        .run_offload = options_.run_offload,
                        .offload = options_.offload,
                        .placement = options_.placement,
                        .identity = {.directory = "1-1", .place = "here:/data"}});
    tier_->SetConflictHandler(options_.conflicts);
    services().lake = tier_.get();
    ASSERT_TRUE(tier_->Start());
  }
  LakeFactory Factory() {
    return [this](const meta::AttachRecord&) -> Result<std::shared_ptr<lake::ObjectLake>> {
      return std::shared_ptr<lake::ObjectLake>(&faulty_lake_, [](lake::ObjectLake*) {});
    };
  }

  AttachRequest Request(meta::LakeMode mode = meta::LakeMode::kReadOnly) {
    AttachRequest request;
    request.target = engine_.Container();
    request.mode = mode;
    request.endpoint = "https://acct.blob.core.windows.net/datasets";
    request.credential = "sas:@/etc/forebay/lake.sas";
    return request;
  }
  // The container "box", attached.
  void Attach() {
    ASSERT_TRUE(engine_.MakeContainer());
    auto done = engine_.Run(tier_->Attach({}, Request()));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  Result<AttachmentPtr> Attached() {
    const auto snapshot = engine_.store().GetSnapshot();
    FB_ASSIGN_OR_RETURN(auto container, engine::RequireContainer(*snapshot, engine_.account().name,
                                                                 azure::ContainerName("box")));
    Attachments attachments(Factory());
    FB_RETURN_IF_ERROR(attachments.Load(*snapshot));
    return attachments.Find(container.id);
  }
  // Imports everything, on this thread.
  Result<> Import(std::uint32_t page_size = 5000) {
    FB_ASSIGN_OR_RETURN(AttachmentPtr attachment, Attached());
    ImportJob job(services(), attachment);
    job.page_size = page_size;
    // Whoever held the lease is gone. Time does not jump: an offload that runs would have to renew
    // its own before it reads the log.
    FB_RETURN_IF_ERROR(meta::EndLeases(engine_.store()));
    return engine_.Run(job.Run({}));
  }
  // Until what was fetched is stored.
  void Settle() {
    for (int i = 0; i < 5000 && tier_->fetches_under_way() > 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(tier_->fetches_under_way(), 0u);
  }

  std::uint64_t Requests(lake::LakeOperation operation) const {
    return accounting_.usage().of(operation);
  }
  lake::LakeUsage usage() const { return accounting_.usage(); }
  std::uint64_t BytesDown() const { return accounting_.usage().total().bytes_down; }

  Result<engine::ListBlobsResult> List(engine::ListBlobsRequest request) {
    request.target = engine_.Container();
    return engine_.Run(engine::ListBlobs(services(), {}, std::move(request)));
  }
  // All names (prefixes too) of a listing in pages of `page`.
  Result<std::vector<std::string>> ListAll(std::string prefix, std::string delimiter,
                                           std::size_t page) {
    std::vector<std::string> names;
    std::string start;
    for (int pages = 0; pages < 1000; ++pages) {
      engine::ListBlobsRequest request;
      request.prefix = prefix;
      request.delimiter = delimiter;
      request.start = start;
      request.max_results = page;
      FB_ASSIGN_OR_RETURN(engine::ListBlobsResult got, List(std::move(request)));
      for (const auto& item : got.items) names.push_back(item.name);
      if (got.next.empty()) return names;
      start = got.next;
    }
    return Fail(Code::kInternal, "The listing does not end.");
  }

 private:
  const TierFixtureOptions options_;
  lake::Accounting accounting_;
  engine::EngineFixture engine_;
  lake::MemoryLake lake_;
  lake::FaultyLake faulty_lake_;
  std::unique_ptr<LakeTier> tier_;
};

}  // namespace forebay::tier
