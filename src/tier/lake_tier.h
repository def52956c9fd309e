// The tier of a process: what it keeps in step with lakes, behind the engine's LakeSide.
//
// Made after the engine's services, given to them as `services.lake`, started, and stopped before
// they go. Thread safe but for Start and Stop.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "engine/lake_side.h"
#include "engine/services.h"
#include "tier/attach.h"
#include "tier/attach_trails.h"
#include "tier/attachments.h"
#include "tier/conflict_settle.h"
#include "tier/fetcher.h"
#include "tier/import_job.h"
#include "tier/lifecycle_run.h"
#include "tier/live_names.h"
#include "tier/offload.h"
#include "tier/overflow_keeper.h"
#include "tier/placement.h"
#include "tier/placement_parts.h"
#include "tier/read_through.h"
#include "tier/residency_summaries.h"
#include "tier/watch.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct LakeTierOptions {
  LakeFactory factory;
  std::size_t threads = 2;
  // Between tries of a job that failed (no link, another process has the lease).
  std::chrono::milliseconds retry{5000};
  // False: imports are left to other processes on the same store.
  bool run_jobs = true;
  bool run_offload = true;
  OffloadOptions offload{};
  PlacementOptions placement{};  // eviction and prefetch
  WatchOptions watch{};          // change detection, health, events
  LifecycleRunner::Options lifecycle{};
  IsOwnEndpoint is_own{};             // no container overflows into this server itself
  std::string host = ConflictHost();  // in the names of what conflicts keep
  OverflowIdentity identity{};        // who this server is where a lake is room for its bodies
};

struct LakeStatus {
  std::string account;
  std::string container;
  std::string lake;  // where it is, never a secret
  meta::LakeMode mode = meta::LakeMode::kNone;
  ImportProgress import;                        // finished where no names come in
  OffloadStatus offload;                        // of containers whose changes travel
  std::optional<OverflowStatus> overflow = {};  // of those whose lake is room for bodies
  LinkHealth link;
  std::chrono::milliseconds retry_after{0};  // until the lake is asked again; link down
  std::string writes_held =
      {};  // why writes are refused for now, for people; empty: they are taken
  // Of the import, else of change detection, for people (lake/advice.h); empty when it goes well.
  std::string last_error;
};

class LakeTier final : public engine::LakeSide {
 public:
  LakeTier(engine::Services& services, LakeTierOptions options);
  ~LakeTier() override;  // stops

  // Who decides about conflicts (outlives the tier) instead of the policies of the attachments;
  // before Start. With null they wait.
  void SetConflictHandler(ConflictHandler* handler) { conflicts_ = handler; }

  // Loads the attachments (blocks) and resumes their jobs.
  Result<> Start();
  void Stop();

  Task<> LookUp(OpContext context, meta::ContainerId container, std::string name) override;
  Task<engine::ListingCover> CoverListing(OpContext context, engine::ListingSpan span) override;
  Task<std::unique_ptr<BodySource>> Open(OpContext context, engine::LakeRead read) override;
  Task<> AwaitAcknowledged(OpContext context, engine::BlobTarget target) override;
  void HydrateSoon(meta::ContainerId container) override;
  Task<std::string> FollowAttachTrail(OpContext context, engine::ContainerTarget target,
                                      azure::AttachTrail trail) override;
  Result<> AdmitBytes(const engine::ContainerTarget& target) override;
  Error NoRoom(const engine::ContainerTarget& target, Error error) override;

  // tier/attach.h, and the import begins.
  Task<> Attach(OpContext context, AttachRequest request);
  // kDrain waits until the lake has all changes, as long as the context lets it; or until all
  // bodies of a container that is ours are here again (tier/overflow_drain.h).
  Task<> Detach(OpContext context, engine::ContainerTarget target,
                DetachHow how = DetachHow::kDrain);
  // Waits until the lake has all that was changed before the call (tier/offload.h).
  Task<> Sync(OpContext context, engine::ContainerTarget target);
  // Somebody agrees to that many deletes that the guard holds back.
  Task<> ApproveDeletes(OpContext context, engine::ContainerTarget target, std::uint64_t agreed);
  std::vector<LakeStatus> Status() const;
  // Of containers whose lake is room for them, by "account/container". May block.
  std::vector<std::pair<std::string, OverflowStatus>> Overflows() const;
  // Where the bytes of an attached container are, counted by walking its names: what was counted
  // last, or nothing where nobody has waited `patience` for it yet.
  Task<std::optional<KnownResidency>> Residency(OpContext context, engine::ContainerTarget target,
                                                std::chrono::milliseconds patience);
  // Fetches that are not stored yet.
  std::size_t fetches_under_way() const { return fetcher_.under_way(); }
  FetcherStats fetches() const { return fetcher_.stats(); }
  // Pins, prefetch, eviction and hydration by command: for administrators.
  Placement& placement() { return placement_; }
  PlacementParts& placement_parts() { return parts_; }
  // Change detection and events of all lakes; lifecycle policies.
  LakeWatch& watch() { return watch_; }
  LifecycleRunner& lifecycle() { return lifecycle_; }
  // The attachment of a container that this process serves, for tier/conflict_settle.h and
  // tier/events.h. kContainerNotFound, kOffline when there is none.
  Task<AttachmentPtr> AttachmentOf(engine::ContainerTarget target) const;

 private:
  struct Job {
    AttachmentPtr attachment;
    std::unique_ptr<ImportJob> import;         // null where no names come in
    std::unique_ptr<OverflowKeeper> overflow;  // where the lake is room for bodies
    bool travels = false;
    // Made anew when another process has drained meanwhile; under mutex_. Null where nothing
    // travels.
    std::shared_ptr<Offload> offload;
    std::string last_error;
    Code last_code{};  // of it: only another failure is logged again
  };
  void Begin(AttachmentPtr attachment);
  std::shared_ptr<Offload> MakeOffload(const AttachmentPtr& attachment);
  std::shared_ptr<Offload> OffloadIn(const Job& job) const;
  Task<> RunImport(std::shared_ptr<Job> job);
  Result<OverflowStatus> OverflowOf(const Job& job) const;
  void AddOverflow(const Job& job, LakeStatus& status) const;
  Task<> RunOffload(std::shared_ptr<Job> job);
  Task<> RunOverflow(std::shared_ptr<Job> job);
  // What became of a turn of a job, for its status; logged when it is news.
  void NoteTurn(Job& job, std::string_view what, const Result<>& done);
  Task<> ForgetDetached(OpContext context);
  // Brings all bodies back; nothing more is sent while the answer lives.
  Task<std::shared_ptr<const void>> Drain(OpContext context, engine::ContainerTarget target,
                                          DetachHow how);
  std::shared_ptr<Job> JobOf(const azure::AccountName& account,
                             const azure::ContainerName& container) const;
  // kResourceNotFound where nothing is attached; null where nothing travels.
  Task<std::shared_ptr<Offload>> OffloadOf(engine::ContainerTarget target) const;

  engine::Services& services_;
  const LakeTierOptions options_;
  const std::uint64_t owner_;  // of the leases of offloads
  Attachments attachments_;
  AttachTrails trails_;
  WorkerLoop loop_;
  LiveNames names_;
  EvictionBook book_;
  Fetcher fetcher_;
  ReadThrough read_through_;
  ConflictSettler settler_;
  ConflictHandler* conflicts_ = &settler_;
  LakeWatch watch_;
  LifecycleRunner lifecycle_;
  PlacementParts parts_;
  Placement placement_;
  ResidencySummaries summaries_;
  mutable std::mutex mutex_;
  std::unordered_map<meta::ContainerId, std::shared_ptr<Job>> jobs_;
};

}  // namespace forebay::tier
