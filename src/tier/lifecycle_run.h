// Lifecycle policies: kept by account in Azure's JSON, and carried out here.
//
// A run looks at every blob of the account's containers and does what azure::Evaluate says, through
// the operations that a client would use (Set Blob Tier, Delete Blob), so that leases hold, the
// change log sees it, and a lake hears of it. Each is conditional on the ETag that was judged. What
// was done leaves an event in containers with a lake, and a count everywhere. A dry run does
// nothing and lists what would be done.
//
// Times of access are not recorded here: a policy that asks for them is refused when it is put, not
// silently never run. Blobs in containers that may not be changed (attached read-only) are counted
// as skipped.
//
// The runner carries policies out once in `interval`, one process at a time (a lease of each
// account, and the time of the last run in the store). Thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/lifecycle_policy.h"
#include "engine/services.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

// kInvalidInput (what Azure would refuse, with the place in the document), kUnsupported (times of
// access), kLimitExceeded (above 250 KiB). The policy as it is stored: canonical JSON.
Task<std::string> PutLifecyclePolicy(engine::Services& services, OpContext context,
                                     azure::AccountName account, std::string text);
// kResourceNotFound when there is none.
Task<std::string> GetLifecyclePolicy(engine::Services& services, OpContext context,
                                     azure::AccountName account);
Task<> DeleteLifecyclePolicy(engine::Services& services, OpContext context,
                             azure::AccountName account);

struct LifecycleMove {
  std::string container;
  std::string name;
  azure::LifecycleAction action = azure::LifecycleAction::kNone;
  std::string rule;
  std::uint64_t length = 0;
  std::string error;  // why it was not done; empty where it was, and in dry runs
};
struct LifecycleReport {
  bool dry_run = false;
  WallTime started, finished;
  std::uint64_t blobs = 0;    // looked at
  std::uint64_t moved = 0;    // to another tier, or would be
  std::uint64_t deleted = 0;  // or would be
  std::uint64_t skipped = 0;  // may not be changed, or changed meanwhile
  std::uint64_t failed = 0;
  std::vector<LifecycleMove>
      moves;  // the first ones of a dry run; of others, the first that failed
};

struct LifecycleOptions {
  bool dry_run = false;
  std::size_t max_listed = 1'000;
};
// By the policy that is stored, or by `policy` where one is given (a dry run before it is put).
Task<LifecycleReport> RunLifecycle(engine::Services& services, OpContext context,
                                   azure::AccountName account, LifecycleOptions options,
                                   std::optional<azure::LifecyclePolicy> policy = {});

class LifecycleRunner {
 public:
  struct Options {
    std::chrono::milliseconds interval{24 * 3600 * 1000};  // 0: never by itself
    std::chrono::milliseconds tick{60'000};
  };
  // The loop is stopped before this is destroyed.
  LifecycleRunner(engine::Services& services, WorkerLoop& loop, Options options);
  void Start();
  // Runs what is due; what the loop does at each tick.
  Task<> RunDue(OpContext context);
  // Of this process's last run of the account.
  std::optional<LifecycleReport> LastReport(const std::string& account) const;

 private:
  Task<> Loop();
  Task<bool> TakeTurn(OpContext context, std::string account);
  Task<> NoteRun(std::string account);

  engine::Services& services_;
  WorkerLoop& loop_;
  const Options options_;
  const std::uint64_t owner_;
  mutable std::mutex mutex_;
  std::map<std::string, LifecycleReport> reports_;
};

}  // namespace forebay::tier
