#include "tier/events.h"

#include <algorithm>

#include "base/codec.h"
#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kEventsPerLook = 500;
constexpr std::size_t kErasedPerTransaction = 400;
constexpr std::size_t kEventsUntilTrim = 1'000;
// An event is for people; what a lake says may be long.
constexpr std::size_t kMaxText = 2'000;

std::uint64_t CursorOf(std::string_view key, std::size_t prefix) {
  return KeyReader(key.substr(prefix)).U64();
}

std::string KeyOf(meta::ContainerId container, std::uint64_t cursor) {
  return keys::LakeEvents(container) + KeyBuilder().U64(cursor).Take();
}

// The cursor of the newest event; 0 where there is none.
Result<std::uint64_t> Newest(const kv::Reader& reader, meta::ContainerId container) {
  const std::string prefix = keys::LakeEvents(container);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  std::uint64_t newest = 0;
  for (; it->Valid(); it->Next()) newest = CursorOf(it->key(), prefix.size());
  FB_RETURN_IF_ERROR(it->status());
  return newest;
}

// The first cursor that is kept.
Result<std::uint64_t> FirstKept(const kv::Reader& reader, meta::ContainerId container,
                                const EventRetention& retention, WallTime now) {
  const std::string prefix = keys::LakeEvents(container);
  std::vector<std::uint64_t> cursors;
  std::uint64_t young = 0;
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    cursors.push_back(CursorOf(it->key(), prefix.size()));
    if (young != 0) continue;
    const auto event = DecodeLakeEvent(it->value());
    if (event && event->at + retention.age >= now) young = cursors.back();
  }
  FB_RETURN_IF_ERROR(it->status());
  if (cursors.empty()) return 0;
  if (young == 0) young = cursors.back() + 1;
  if (cursors.size() <= retention.newest) return young;
  return std::max(young, cursors[cursors.size() - retention.newest]);
}

}  // namespace

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kConflict:
      return "conflict";
    case EventKind::kConflictSettled:
      return "conflict_settled";
    case EventKind::kLakeChanged:
      return "lake_changed";
    case EventKind::kLakeDeleted:
      return "lake_deleted";
    case EventKind::kLakeArchived:
      return "lake_archived";
    case EventKind::kLakeRehydrated:
      return "lake_rehydrated";
    case EventKind::kNameRefused:
      return "name_refused";
    case EventKind::kDeletesPaused:
      return "deletes_paused";
    case EventKind::kDeletesApproved:
      return "deletes_approved";
    case EventKind::kLakeForbidden:
      return "lake_forbidden";
    case EventKind::kLakeMissing:
      return "lake_missing";
    case EventKind::kLakeClockSkew:
      return "lake_clock_skew";
    case EventKind::kLakeUnreachable:
      return "lake_unreachable";
    case EventKind::kLakeReached:
      return "lake_reached";
    case EventKind::kLifecycle:
      return "lifecycle";
    case EventKind::kMore:
      return "more";
    case EventKind::kChangeDropped:
      return "change_dropped";
    case EventKind::kLakeLost:
      return "lake_lost";
  }
  return "unknown";  // written by a newer Forebay
}

bool IsWarning(EventKind kind) {
  switch (kind) {
    case EventKind::kConflict:
    case EventKind::kNameRefused:
    case EventKind::kDeletesPaused:
    case EventKind::kLakeForbidden:
    case EventKind::kLakeMissing:
    case EventKind::kLakeClockSkew:
    case EventKind::kLakeUnreachable:
    case EventKind::kChangeDropped:
    case EventKind::kLakeLost:
      return true;
    default:
      return false;
  }
}

std::string Encode(const LakeEvent& event) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(event.kind)).Signed(event.at.ticks);
  out.String(event.name).String(event.other).String(event.etag_before).String(event.etag_now);
  out.String(std::string_view(event.text).substr(0, kMaxText));
  return out.Take();
}

Result<LakeEvent> DecodeLakeEvent(std::string_view text) {
  Decoder in(text);
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "An event of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  LakeEvent event;
  event.kind = static_cast<EventKind>(in.U8());
  event.at.ticks = in.Signed();
  event.name = in.String();
  event.other = in.String();
  event.etag_before = in.String();
  event.etag_now = in.String();
  event.text = in.String();
  FB_RETURN_IF_ERROR(in.Finish("an event"));
  return event;
}

void NoteEvent(kv::Transaction& txn, meta::ContainerId container, const LakeEvent& event) {
  txn.Append(keys::LakeEvents(container), Encode(event));
}

Result<EventPage> ListEvents(const kv::Reader& reader, meta::ContainerId container,
                             std::uint64_t after, std::size_t max) {
  const std::string prefix = keys::LakeEvents(container);
  EventPage page;
  auto it = reader.Scan(KeyOf(container, after + 1), PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    if (page.events.size() == max) {
      page.more = true;
      break;
    }
    FB_ASSIGN_OR_RETURN(LakeEvent event, DecodeLakeEvent(it->value()));
    page.events.push_back({CursorOf(it->key(), prefix.size()), std::move(event)});
  }
  FB_RETURN_IF_ERROR(it->status());
  return page;
}

Task<> TrimEvents(engine::Services& services, OpContext context, meta::ContainerId container,
                  EventRetention retention) {
  FB_CO_ASSIGN_OR_RETURN(
      const std::uint64_t first,
      co_await engine::ReadMetaOnPool(
          services, [container, retention, now = services.clock.Now()](const kv::Reader& reader) {
            return FirstKept(reader, container, retention, now);
          }));
  auto done = std::make_shared<bool>(first == 0);
  while (!*done) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [container, first, done](kv::Transaction& txn) -> Result<> {
          std::vector<std::string> doomed;
          {
            auto it = txn.Scan(keys::LakeEvents(container), KeyOf(container, first));
            for (; it->Valid() && doomed.size() < kErasedPerTransaction; it->Next()) {
              doomed.emplace_back(it->key());
            }
            FB_RETURN_IF_ERROR(it->status());
          }
          for (const std::string& key : doomed) txn.Erase(key);
          *done = doomed.size() < kErasedPerTransaction;
          return {};
        },
        kv::Durability::kLazy));
  }
  co_return Result<>{};
}

EventFollower::EventFollower(engine::Services& services, metrics::Registry* registry)
    : services_(services),
      registry_(registry),
      watch_(services.store.Watch(keys::AllLakeDecisions(), [this] { news_ = true; })) {}

Result<> EventFollower::Add(meta::ContainerId container, std::string name) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t newest,
                      Newest(*services_.store.GetSnapshot(), container));
  std::lock_guard lock(mutex_);
  containers_[container] = {std::move(name), newest, kEventsUntilTrim};
  return {};
}

void EventFollower::Remove(meta::ContainerId container) {
  std::lock_guard lock(mutex_);
  containers_.erase(container);
}

Task<> EventFollower::Follow(OpContext context) {
  if (!news_.exchange(false)) co_return Result<>{};
  std::unordered_map<meta::ContainerId, Followed> all;
  {
    std::lock_guard lock(mutex_);
    all = containers_;
  }
  for (auto& [container, followed] : all) {
    auto done = co_await FollowOne(context, container, std::move(followed));
    if (!done) news_ = true;  // look again
    FB_CO_RETURN_IF_ERROR(std::move(done));
  }
  co_return Result<>{};
}

Task<> EventFollower::FollowOne(OpContext context, meta::ContainerId container, Followed followed) {
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_ASSIGN_OR_RETURN(
        const EventPage page,
        co_await engine::ReadMeta(services_,
                                  [container, after = followed.cursor](const kv::Reader& reader) {
                                    return ListEvents(reader, container, after, kEventsPerLook);
                                  }));
    for (const StoredEvent& stored : page.events) {
      Tell(followed.name, stored.event);
      followed.cursor = stored.cursor;
    }
    followed.since_trim += page.events.size();
    if (!page.more) break;
  }
  if (followed.since_trim >= kEventsUntilTrim) {
    FB_CO_RETURN_IF_ERROR(co_await TrimEvents(services_, context, container));
    followed.since_trim = 0;
  }
  std::lock_guard lock(mutex_);
  const auto it = containers_.find(container);
  if (it != containers_.end()) it->second = std::move(followed);
  co_return Result<>{};
}

void EventFollower::Tell(const std::string& container, const LakeEvent& event) {
  const std::string_view kind = EventKindName(event.kind);
  Log(IsWarning(event.kind) ? LogLevel::kWarn : LogLevel::kInfo, "lake event",
      {{"event", kind},
       {"container", container},
       {"blob", event.name},
       {"other", event.other},
       {"text", event.text}});
  if (registry_ == nullptr) return;
  registry_
      ->GetCounter({.name = "forebay_lake_events_total",
                    .help = "Decisions about blobs that are here and in a lake, by kind."},
                   {{"lake", container}, {"event", std::string(kind)}})
      .Add();
}

}  // namespace forebay::tier
