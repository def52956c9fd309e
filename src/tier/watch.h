// Keeps an eye on the lakes of a tier: whether each is in reach and well, what changed in it, and
// what was decided.
//
// For each attachment a loop that
//  - probes a lake that is out of reach when the breaker lets it, so that it comes back by itself;
//  - writes an event when the lake's health changes (credential, container, clock, reach);
//  - walks along its listing every `interval` (tier/watch_pass.h), and at once when told to;
//  - looks at names again that Event Grid or somebody else says have changed.
// One more loop follows the events into log and metrics.
//
// Thread safe. Loops run on the worker loop, which is stopped before this is destroyed.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/semaphore.h"
#include "azure/event_grid.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/events.h"
#include "tier/live_names.h"
#include "tier/watch_pass.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct WatchOptions {
  // Between the starts of two walks; one takes at most a tenth of the time, so large containers are
  // walked less often. 0: never by itself.
  std::chrono::milliseconds interval{300'000};
  std::chrono::milliseconds tick{250};
  // Between tries of a walk that failed.
  std::chrono::milliseconds retry{5'000};
  metrics::Registry* registry = nullptr;  // outlives the watch
};

struct WatchStatus {
  WalkRecord walk;            // how far the one under way is, and when the last one ended
  LinkHealth link;            // with a sentence for people
  std::string last_error;     // of the walk; empty when it goes well
  bool out_of_reach = false;  // that is what it says
  std::uint64_t hints = 0;    // names looked at again because somebody said so
};

class LakeWatch {
 public:
  LakeWatch(engine::Services& services, LiveNames& names, WorkerLoop& loop, WatchOptions options);

  // The loop that follows events; once.
  void Start();
  // An attachment; until it is detached. Without `run` only what is asked for happens. Reads the
  // store: may block.
  Result<> Add(AttachmentPtr attachment, bool run = true);

  // A walk from where the last one stopped, now. kResourceNotFound: not attached here; kBusy,
  // kLocked: see WatchPass; the lake's errors.
  Task<WalkRecord> WalkNow(OpContext context, meta::ContainerId container);

  // What Event Grid says has changed: each name of a lake of ours is asked for once and brought up
  // to date. Events are hints: one whose ETag is known costs nothing, and whatever the event says,
  // the lake's answer counts. The number of names that were looked at; the first error, after all
  // of them were tried.
  Task<std::size_t> TakeEvents(OpContext context, std::vector<azure::BlobEvent> events);
  // The same for names of one container.
  Task<std::size_t> LookAgain(OpContext context, meta::ContainerId container,
                              std::vector<std::string> names);

  Result<WatchStatus> Status(meta::ContainerId container) const;

 private:
  struct Watched {
    AttachmentPtr attachment;
    std::unique_ptr<WatchPass> pass;
    Semaphore turn{1};  // one walk at a time
    // Of the endpoint: what events name it by.
    std::string account, container, prefix;
    mutable std::mutex mutex;
    std::string last_error;
    bool out_of_reach = false;
    WalkRecord walk;
    bool wanted = false;
    std::uint64_t hints = 0;
    // Only its own loop uses these.
    LinkTrouble told = LinkTrouble::kNone;
    SteadyTime next_walk{};
  };
  using WatchedPtr = std::shared_ptr<Watched>;
  struct Hint {
    std::string name;
    std::string etag;   // there, as the event says; may be empty
    bool look = false;  // whatever the ETag
  };

  Task<> Loop(WatchedPtr watched);
  Task<> FollowEvents();
  Task<> TendLink(OpContext context, WatchedPtr watched);
  Task<> TellHealth(OpContext context, WatchedPtr watched, LinkHealth health);
  Task<> WalkIfDue(OpContext context, WatchedPtr watched);
  Task<WalkRecord> Walk(OpContext context, WatchedPtr watched);
  Task<> TakeHint(OpContext context, WatchedPtr watched, Hint hint);
  Task<std::size_t> TakeHints(OpContext context, WatchedPtr watched, std::vector<Hint> hints);
  void Remove(const WatchedPtr& watched);
  WatchedPtr Find(meta::ContainerId container) const;
  std::vector<WatchedPtr> All() const;

  engine::Services& services_;
  LiveNames& names_;
  WorkerLoop& loop_;
  const WatchOptions options_;
  EventFollower follower_;
  mutable std::mutex mutex_;
  std::unordered_map<meta::ContainerId, WatchedPtr> watched_;
};

}  // namespace forebay::tier
