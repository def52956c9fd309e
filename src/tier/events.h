// The events of a container with a lake: every decision about somebody's bytes leaves one, so that
// an operator can say afterwards what happened to each blob.
//
// An event is appended in the transaction that decides (NoteEvent), so there is no decision without
// its event and no event of something that did not happen. Log line and metric follow from the
// record, soon after the commit: EventFollower. Kept: the newest 10,000 of a container, of the last
// 90 days. Format: docs/formats/lake-events.md.
//
//   NoteEvent(txn, container.id, {.kind = EventKind::kLakeDeleted, .at = now, .name = name});
//
// NoteEvent and ListEvents: any thread. Never a secret in an event.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/context.h"
#include "base/clock.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/ids.h"
#include "metrics/metrics.h"

namespace forebay::tier {

// Numbers are stable: they are stored. Append, never renumber.
enum class EventKind : std::uint8_t {
  kConflict = 1,          // changed here and there; `text` says how it was settled
  kConflictSettled = 2,   // an operator resolved or dismissed one
  kLakeChanged = 3,       // changed there, unchanged here: theirs is served from now on
  kLakeDeleted = 4,       // deleted there, unchanged here: gone here too
  kLakeArchived = 5,      // moved to the archive there: reads are refused until it is rehydrated
  kLakeRehydrated = 6,    // out of the archive again
  kNameRefused = 7,       // this container cannot hold a name of the lake (file and directory)
  kDeletesPaused = 8,     // the guard stopped deletes on their way to the lake
  kDeletesApproved = 9,   // somebody agreed to them
  kLakeForbidden = 10,    // the lake refuses the credential
  kLakeMissing = 11,      // the container there is gone
  kLakeClockSkew = 12,    // signatures fail, because the clocks differ
  kLakeUnreachable = 13,  // the breaker opened
  kLakeReached = 14,      // all is well again
  kLifecycle = 15,        // a policy moved or deleted the blob
  kMore = 16,             // further events of one pass, counted in `text`
  kChangeDropped = 17,    // a change made here was given up; `text` says why
  kLakeLost = 18,         // an object there with bytes that only it had is gone, or not ours
};
std::string_view EventKindName(EventKind kind);  // "lake_changed"
bool IsWarning(EventKind kind);                  // somebody should look at it

struct LakeEvent {
  EventKind kind = EventKind::kLakeChanged;
  WallTime at = {};
  std::string name = {};         // of the blob here; empty: of the container
  std::string other = {};        // another name that it is about: where the loser is kept
  std::string etag_before = {};  // what we knew of the lake's blob
  std::string etag_now = {};     // what is there
  std::string text = {};         // one sentence for people
};
std::string Encode(const LakeEvent& event);
Result<LakeEvent> DecodeLakeEvent(std::string_view in);

// In the transaction that decides.
void NoteEvent(kv::Transaction& txn, meta::ContainerId container, const LakeEvent& event);

// Ascending. `cursor` names the event: list on with `after` = the last one seen; 0: from the first
// that is kept.
struct StoredEvent {
  std::uint64_t cursor = 0;
  LakeEvent event;
};
struct EventPage {
  std::vector<StoredEvent> events;
  bool more = false;
};
Result<EventPage> ListEvents(const kv::Reader& reader, meta::ContainerId container,
                             std::uint64_t after, std::size_t max);

struct EventRetention {
  std::size_t newest = 10'000;
  std::chrono::hours age{24 * 90};
};
// Erases what is not kept, in transactions of some hundred.
Task<> TrimEvents(engine::Services& services, OpContext context, meta::ContainerId container,
                  EventRetention retention = {});

// Writes a log line for each event that is committed after it was made, and counts it:
// forebay_lake_events_total by container and kind. One Follow at a time.
class EventFollower {
 public:
  // `registry` may be null; it outlives the follower.
  EventFollower(engine::Services& services, metrics::Registry* registry);

  // What has come in since the last call; cheap where nothing has. Trims now and then.
  Task<> Follow(OpContext context);
  // Names the container in log lines and metrics; its events before now are old news.
  Result<> Add(meta::ContainerId container, std::string name);
  void Remove(meta::ContainerId container);

 private:
  struct Followed {
    std::string name;
    std::uint64_t cursor = 0;
    std::size_t since_trim = 0;
  };
  Task<> FollowOne(OpContext context, meta::ContainerId container, Followed followed);
  void Tell(const std::string& container, const LakeEvent& event);

  engine::Services& services_;
  metrics::Registry* const registry_;
  std::atomic<bool> news_{true};
  std::mutex mutex_;
  std::unordered_map<meta::ContainerId, Followed> containers_;
  std::shared_ptr<void> watch_;  // last: its function refers to the rest
};

}  // namespace forebay::tier
