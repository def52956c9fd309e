// The tier of a process: what it keeps in step with lakes, behind the engine's LakeSide.
//
// Made after the engine's services, given to them as `services.lake`, started, and stopped before
// they go. Thread safe but for Start and Stop.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "engine/lake_side.h"
#include "engine/services.h"
#include "tier/attach.h"
#include "tier/attachments.h"
#include "tier/fetcher.h"
#include "tier/import_job.h"
#include "tier/live_names.h"
#include "tier/read_through.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct LakeTierOptions {
  LakeFactory factory;
  std::size_t threads = 2;
  // Between tries of a job that failed (no link, another process has the lease).
  std::chrono::milliseconds retry{5000};
  // False: imports are left to other processes on the same store.
  bool run_jobs = true;
};

struct LakeStatus {
  std::string account;
  std::string container;
  std::string lake;  // where it is, never a secret
  meta::LakeMode mode = meta::LakeMode::kNone;
  ImportProgress import;
  std::string last_error;  // of the import; empty when it goes well
};

class LakeTier final : public engine::LakeSide {
 public:
  LakeTier(engine::Services& services, LakeTierOptions options);
  ~LakeTier() override;  // stops

  // Loads the attachments (blocks) and resumes their jobs.
  Result<> Start();
  void Stop();

  Task<> LookUp(OpContext context, meta::ContainerId container, std::string name) override;
  Task<engine::ListingCover> CoverListing(OpContext context, engine::ListingSpan span) override;
  Task<std::unique_ptr<BodySource>> Open(OpContext context, engine::LakeRead read) override;

  // tier/attach.h, and the import begins.
  Task<> Attach(OpContext context, AttachRequest request);
  Task<> Detach(OpContext context, engine::ContainerTarget target);
  std::vector<LakeStatus> Status() const;
  // Fetches that are not stored yet.
  std::size_t fetches_under_way() const { return fetcher_.under_way(); }
  FetcherStats fetches() const { return fetcher_.stats(); }

 private:
  struct Job {
    AttachmentPtr attachment;
    std::unique_ptr<ImportJob> import;
    std::string last_error;
  };
  void Begin(AttachmentPtr attachment);
  Task<> RunImport(std::shared_ptr<Job> job);

  engine::Services& services_;
  const LakeTierOptions options_;
  Attachments attachments_;
  WorkerLoop loop_;
  LiveNames names_;
  Fetcher fetcher_;
  ReadThrough read_through_;
  mutable std::mutex mutex_;
  std::unordered_map<meta::ContainerId, std::shared_ptr<Job>> jobs_;
};

}  // namespace forebay::tier
