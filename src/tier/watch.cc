#include "tier/watch.h"

#include <algorithm>
#include <map>

#include "async/sleep.h"
#include "base/log.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "lake/endpoint.h"
#include "meta/namespace.h"

namespace forebay::tier {
namespace {

constexpr std::chrono::seconds kProbeTime{10};
// A walk takes at most this share of the time.
constexpr int kPauseShare = 9;

EventKind EventOf(LinkTrouble trouble) {
  switch (trouble) {
    case LinkTrouble::kNone:
      return EventKind::kLakeReached;
    case LinkTrouble::kUnreachable:
      return EventKind::kLakeUnreachable;
    case LinkTrouble::kForbidden:
      return EventKind::kLakeForbidden;
    case LinkTrouble::kContainerMissing:
      return EventKind::kLakeMissing;
    case LinkTrouble::kClockSkew:
      return EventKind::kLakeClockSkew;
  }
  return EventKind::kLakeUnreachable;
}

bool IsTree(azure::BlobEventKind kind) {
  return kind == azure::BlobEventKind::kDirectoryDeleted ||
         kind == azure::BlobEventKind::kDirectoryRenamed;
}

}  // namespace

LakeWatch::LakeWatch(engine::Services& services, LiveNames& names, WorkerLoop& loop,
                     WatchOptions options)
    : services_(services),
      names_(names),
      loop_(loop),
      options_(options),
      follower_(services, options.registry) {}

void LakeWatch::Start() { loop_.Spawn(FollowEvents()); }

Result<> LakeWatch::Add(AttachmentPtr attachment, bool run) {
  FB_RETURN_IF_ERROR(follower_.Add(attachment->container, attachment->record.container));
  auto watched = std::make_shared<Watched>();
  watched->pass = std::make_unique<WatchPass>(services_, names_, attachment);
  FB_ASSIGN_OR_RETURN(watched->walk,
                      LoadWalk(*services_.store.GetSnapshot(), attachment->container));
  if (const auto endpoint = lake::ParseLakeEndpoint(attachment->record.endpoint)) {
    watched->account = endpoint->account;
    watched->container = endpoint->container;
    watched->prefix = endpoint->prefix + attachment->record.prefix;
    if (!watched->prefix.empty() && !watched->prefix.ends_with('/')) watched->prefix += '/';
  }
  watched->attachment = std::move(attachment);
  {
    std::lock_guard lock(mutex_);
    watched_[watched->attachment->container] = watched;
  }
  if (run) loop_.Spawn(Loop(std::move(watched)));
  return {};
}

void LakeWatch::Remove(const WatchedPtr& watched) {
  const meta::ContainerId container = watched->attachment->container;
  std::lock_guard lock(mutex_);
  const auto it = watched_.find(container);
  // The container may have been attached anew.
  if (it == watched_.end() || it->second != watched) return;
  follower_.Remove(container);
  watched_.erase(it);
}

LakeWatch::WatchedPtr LakeWatch::Find(meta::ContainerId container) const {
  std::lock_guard lock(mutex_);
  const auto it = watched_.find(container);
  return it == watched_.end() ? nullptr : it->second;
}

std::vector<LakeWatch::WatchedPtr> LakeWatch::All() const {
  std::lock_guard lock(mutex_);
  std::vector<WatchedPtr> all;
  for (const auto& [container, watched] : watched_) all.push_back(watched);
  return all;
}

Result<WatchStatus> LakeWatch::Status(meta::ContainerId container) const {
  const WatchedPtr watched = Find(container);
  if (!watched) return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
  WatchStatus status;
  status.link = watched->attachment->lake->health();
  std::lock_guard lock(watched->mutex);
  status.walk = watched->walk;
  status.last_error = watched->last_error;
  status.out_of_reach = watched->out_of_reach;
  status.hints = watched->hints;
  return status;
}

Task<> LakeWatch::FollowEvents() {
  OpContext context;
  context.cancel = loop_.token();
  while (true) {
    auto done = co_await follower_.Follow(context);
    if (!done && done.error().code() != Code::kCancelled) {
      Log(LogLevel::kWarn, "events could not be read", {{"error", done.error().ToString()}});
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.tick, context));
  }
}

// --- One lake.

Task<> LakeWatch::Loop(WatchedPtr watched) {
  OpContext context;
  context.cancel = loop_.token();
  while (!watched->attachment->detached) {
    // What fails here is tried again at the next tick.
    (void)co_await TendLink(context, watched);
    (void)co_await WalkIfDue(context, watched);
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.tick, context));
  }
  Remove(watched);
  co_return Result<>{};
}

Task<> LakeWatch::TendLink(OpContext context, WatchedPtr watched) {
  GuardedLake& lake = *watched->attachment->lake;
  LinkHealth health = lake.health();
  if (health.trouble == LinkTrouble::kNone && watched->told == LinkTrouble::kNone) {
    co_return Result<>{};
  }
  const bool open = health.circuit != CircuitState::kClosed;
  // One failure is not yet an outage.
  if (health.trouble == LinkTrouble::kUnreachable && !open) co_return Result<>{};
  FB_CO_RETURN_IF_ERROR(co_await TellHealth(context, watched, health));
  if (!open || lake.RetryAfter().count() > 0) co_return Result<>{};
  OpContext bounded = context;
  bounded.deadline = std::chrono::steady_clock::now() + kProbeTime;
  (void)co_await lake.Probe({bounded, lake::Cause::kAdmin}, {});
  co_return co_await TellHealth(context, watched, lake.health());
}

Task<> LakeWatch::TellHealth(OpContext context, WatchedPtr watched, LinkHealth health) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  if (health.trouble == watched->told) co_return Result<>{};
  const bool well = health.trouble == LinkTrouble::kNone;
  const LakeEvent event{
      .kind = EventOf(health.trouble),
      .at = services_.clock.Now(),
      .text = well ? "The lake is in reach and takes our credential again." : health.message};
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [attachment = watched->attachment, event](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        NoteEvent(txn, attachment->container, event);
        return {};
      }));
  watched->told = health.trouble;
  co_return Result<>{};
}

Task<> LakeWatch::WalkIfDue(OpContext context, WatchedPtr watched) {
  // A lake that only we write to is changed by nobody else.
  if (watched->attachment->record.mode == meta::LakeMode::kCapacity) co_return Result<>{};
  const SteadyTime now = std::chrono::steady_clock::now();
  bool wanted = false;
  {
    std::lock_guard lock(watched->mutex);
    wanted = watched->wanted;
    if (!wanted && options_.interval.count() > 0 && watched->next_walk == SteadyTime{}) {
      // The first one of this process: when the last one of any is old enough.
      const auto age = std::chrono::nanoseconds(
          std::max<std::int64_t>(services_.clock.Now().ticks - watched->walk.finished.ticks, 0) *
          100);
      const auto wait = watched->walk.started.ticks != 0 || age > options_.interval
                            ? std::chrono::nanoseconds(0)
                            : options_.interval - age;
      watched->next_walk = now + wait;
    }
  }
  const bool due = options_.interval.count() > 0 && now >= watched->next_walk;
  const bool open = watched->attachment->lake->health().circuit != CircuitState::kClosed;
  if ((!wanted && !due) || open) co_return Result<>{};
  auto walked = co_await Walk(context, watched);
  const SteadyTime end = std::chrono::steady_clock::now();
  watched->next_walk = walked ? std::max(now + options_.interval, end + kPauseShare * (end - now))
                              : end + std::min(options_.retry, options_.interval);
  co_return Result<>{};
}

Task<WalkRecord> LakeWatch::Walk(OpContext context, WatchedPtr watched) {
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await watched->turn.Acquire(1, context));
  {
    std::lock_guard lock(watched->mutex);
    watched->wanted = false;
  }
  auto walked = co_await watched->pass->Run(context);
  // The names still come in, or another process walks: nothing is wrong.
  const bool waits =
      !walked &&
      (walked.error().code() == Code::kBusy || walked.error().code() == Code::kLocked ||
       walked.error().code() == Code::kCancelled || walked.error().code() == Code::kStale);
  std::lock_guard lock(watched->mutex);
  if (walked) watched->walk = *walked;
  watched->last_error = walked || waits ? "" : lake::Advise(walked.error());
  watched->out_of_reach =
      !watched->last_error.empty() && lake::Classify(walked.error()) == lake::Failure::kUnreachable;
  co_return walked;
}

Task<WalkRecord> LakeWatch::WalkNow(OpContext context, meta::ContainerId container) {
  const WatchedPtr watched = Find(container);
  if (!watched) co_return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
  co_return co_await Walk(std::move(context), watched);
}

// --- Hints.

Task<> LakeWatch::TakeHint(OpContext context, WatchedPtr watched, Hint hint) {
  const AttachmentPtr& attachment = watched->attachment;
  struct Known {
    std::string name, etag;
    bool skip = false;
  };
  FB_CO_ASSIGN_OR_RETURN(
      Known known, co_await engine::ReadMeta(
                       services_, [attachment, hint](const kv::Reader& reader) -> Result<Known> {
                         FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                             AttachedContainer(reader, *attachment));
                         const meta::Namespace& names = meta::NamespaceOf(container);
                         const auto name = names.Normalize(hint.name);
                         // The walk lists it as a conflict.
                         if (!name) return Known{.name = {}, .etag = {}, .skip = true};
                         FB_ASSIGN_OR_RETURN(const auto record,
                                             names.Find(reader, container.id, *name));
                         Known found{.name = *name, .etag = {}, .skip = !container.lake.mirrors()};
                         if (!record || found.skip) return found;
                         // A change of ours is on its way, and finds out by itself.
                         found.skip = record->directory || !record->lake ||
                                      record->lake->unsent != 0 || !record->lake->name.empty();
                         if (record->lake) found.etag = record->lake->etag;
                         // Our own change, as a rule; or told before.
                         if (!hint.look && !hint.etag.empty() && hint.etag == found.etag)
                           found.skip = true;
                         return found;
                       }));
  if (known.skip) co_return Result<>{};
  {
    std::lock_guard lock(watched->mutex);
    ++watched->hints;
  }
  co_return co_await names_.Refresh(std::move(context), attachment, known.name, known.name,
                                    known.etag);
}

Task<std::size_t> LakeWatch::TakeHints(OpContext context, WatchedPtr watched,
                                       std::vector<Hint> hints) {
  std::map<std::string, Hint> once;
  for (Hint& hint : hints) {
    const auto [it, fresh] = once.try_emplace(hint.name, hint);
    // Two events of one name: whatever they say, the lake knows better.
    if (!fresh) it->second.look = true;
  }
  Result<> first;
  for (const auto& [name, hint] : once) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto done = co_await TakeHint(context, watched, hint);
    if (!done && first) first = std::move(done);
  }
  FB_CO_RETURN_IF_ERROR(std::move(first));
  co_return once.size();
}

Task<std::size_t> LakeWatch::LookAgain(OpContext context, meta::ContainerId container,
                                       std::vector<std::string> names) {
  const WatchedPtr watched = Find(container);
  if (!watched) co_return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
  std::vector<Hint> hints;
  for (std::string& name : names) hints.push_back({std::move(name), {}, true});
  co_return co_await TakeHints(std::move(context), watched, std::move(hints));
}

Task<std::size_t> LakeWatch::TakeEvents(OpContext context, std::vector<azure::BlobEvent> events) {
  std::size_t looked = 0;
  Result<> first;
  for (const WatchedPtr& watched : All()) {
    std::vector<Hint> hints;
    for (const azure::BlobEvent& event : events) {
      if (event.container.str() != watched->container) continue;
      if (!event.account.empty() && event.account != watched->account) continue;
      if (IsTree(event.kind)) {
        std::lock_guard lock(watched->mutex);
        watched->wanted = true;
        continue;
      }
      const bool look = event.kind != azure::BlobEventKind::kCreated;
      for (const std::string& name : {event.name.str(), event.from.str()}) {
        if (name.size() <= watched->prefix.size() || !name.starts_with(watched->prefix)) continue;
        hints.push_back({name.substr(watched->prefix.size()), event.etag.str(), look});
      }
    }
    if (hints.empty()) continue;
    auto done = co_await TakeHints(context, watched, std::move(hints));
    if (done) {
      looked += *done;
    } else if (first) {
      first = Fail(std::move(done.error()));
    }
  }
  FB_CO_RETURN_IF_ERROR(std::move(first));
  co_return looked;
}

}  // namespace forebay::tier
