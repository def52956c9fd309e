// The lakes of a server: the clients of its attachments, how much of the link they may use at this
// time of day, and the tier that keeps containers in step with them.
//
// Made after the engine's services, which it gives the tier to (`services.lake`), and destroyed
// before they go. Start and Stop on one thread; everything else is thread safe.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "cli/own_addresses.h"
#include "config/config.h"
#include "engine/services.h"
#include "lake/accounting.h"
#include "lake/azure_blob_lake.h"
#include "metrics/metrics.h"
#include "tier/lake_tier.h"
#include "tier/schedule.h"

namespace forebay::cli {

// What the link to each lake may carry, by time of day.
struct LinkSchedule {
  tier::Schedule up, down;

  // kInvalidConfig, naming the key.
  static Result<LinkSchedule> Of(const config::Config& config);
  lake::TransferLimits At(WallTime now, std::chrono::minutes utc_offset) const;
};

class Lakes {
 public:
  // Registry, services and own addresses outlive it; no container overflows into these.
  // kInvalidConfig: a rate or a file of certificates that cannot be read.
  static Result<std::unique_ptr<Lakes>> Make(const config::Config& config,
                                             engine::Services& services,
                                             metrics::Registry& registry, const OwnAddresses& own,
                                             tier::PlacementOptions placement);
  ~Lakes();  // stops

  // Loads the attachments; what they wait for goes on. Asks no lake, so it works offline. Blocks.
  Result<> Start();
  // Ends background work. The event loops whose requests use the lakes must be still then.
  void Stop();
  // New rates. kInvalidConfig, also where a server would not start with it: the old ones stay.
  Result<> Reload(const config::Config& config);

  tier::LakeTier& tier() { return *tier_; }
  // What traffic with the lake of a container has cost since this process attached or opened it;
  // nullopt where it has none.
  std::optional<lake::LakeUsage> UsageOf(const std::string& account,
                                         const std::string& container) const;

 private:
  // A client with what it counts in.
  struct Client {
    std::unique_ptr<lake::Accounting> accounting;
    std::unique_ptr<lake::AzureBlobLake> lake;
    lake::TransferLimits limits;  // in force
  };
  using Key = std::pair<std::string, std::string>;

  Lakes(const config::Config& config, LinkSchedule schedule, engine::Services& services,
        metrics::Registry& registry)
      : config_(config), services_(services), registry_(registry), schedule_(std::move(schedule)) {}
  Result<std::shared_ptr<lake::ObjectLake>> MakeClient(const meta::AttachRecord& record);
  void ApplyLimits();
  void FollowSchedule(std::stop_token stop);

  const config::Config config_;
  engine::Services& services_;
  metrics::Registry& registry_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  LinkSchedule schedule_;
  std::map<Key, std::weak_ptr<Client>> clients_;
  std::unique_ptr<tier::LakeTier> tier_;
  std::jthread follower_;
};

}  // namespace forebay::cli
