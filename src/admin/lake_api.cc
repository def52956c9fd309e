#include "admin/lake_api.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "admin/container_finder.h"
#include "admin/lake_errors.h"
#include "admin/lake_messages.h"
#include "admin/messages.h"
#include "azure/target.h"
#include "base/codec.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "tier/overflow_verify.h"

namespace forebay::admin {
namespace {

// Words for the values of an enumeration, in its order.
template <class Enum, std::size_t N>
struct Words {
  const char* what;
  std::array<std::pair<std::string_view, Enum>, N> words;

  Result<Enum> Parse(std::string_view text) const {
    if (text.empty()) return words.front().second;
    std::string known;
    for (const auto& [word, value] : words) {
      if (word == text) return value;
      known += (known.empty() ? "" : ", ") + std::string(word);
    }
    return Fail(Code::kInvalidInput, "\"" + std::string(text) + "\" is no " + what +
                                         " of an attachment; there are " + known + ".");
  }
  std::string Of(Enum value) const {
    for (const auto& [word, known] : words) {
      if (known == value) return std::string(word);
    }
    return "unknown";
  }
};

constexpr Words<meta::LakeMode, 3> kModes{"mode",
                                          {{{"read-only", meta::LakeMode::kReadOnly},
                                            {"read-write", meta::LakeMode::kReadWrite},
                                            {"capacity", meta::LakeMode::kCapacity}}}};
constexpr Words<meta::Ordering, 2> kOrderings{
    "ordering", {{{"commit", meta::Ordering::kCommit}, {"relaxed", meta::Ordering::kRelaxed}}}};
constexpr Words<meta::Acknowledge, 2> kAcknowledges{
    "acknowledge", {{{"local", meta::Acknowledge::kLocal}, {"lake", meta::Acknowledge::kLake}}}};
constexpr Words<meta::ConflictPolicy, 3> kConflicts{
    "conflicts",
    {{{"keep-both", meta::ConflictPolicy::kKeepBoth},
      {"lake-wins", meta::ConflictPolicy::kLakeWins},
      {"local-wins", meta::ConflictPolicy::kLocalWins}}}};

Result<tier::AttachRequest> ToTier(AttachLakeRequest request, engine::ContainerTarget target) {
  tier::AttachRequest out;
  out.target = std::move(target);
  FB_ASSIGN_OR_RETURN(out.mode, kModes.Parse(request.mode));
  FB_ASSIGN_OR_RETURN(out.ordering, kOrderings.Parse(request.ordering));
  FB_ASSIGN_OR_RETURN(out.acknowledge, kAcknowledges.Parse(request.acknowledge));
  FB_ASSIGN_OR_RETURN(out.conflicts, kConflicts.Parse(request.conflicts));
  out.endpoint = std::move(request.endpoint);
  out.credential = std::move(request.credential);
  out.prefix = std::move(request.prefix);
  return out;
}

// Who asks how lakes are waits so long for what is in them to be counted.
constexpr std::chrono::milliseconds kCountPatience{500};

template <class Duration>
std::uint64_t SecondsOf(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0));
}

Result<std::vector<meta::AttachRecord>> AllAttachments(const kv::Reader& reader) {
  std::vector<meta::AttachRecord> out;
  const std::string prefix = meta::keys::Attachments();
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    if (!meta::keys::ContainerOfAttachmentKey(it->key())) continue;
    FB_ASSIGN_OR_RETURN(meta::AttachRecord record, meta::DecodeAttach(it->value()));
    out.push_back(std::move(record));
  }
  FB_RETURN_IF_ERROR(it->status());
  return out;
}

class Lakes {
 public:
  explicit Lakes(LakeParts parts)
      : parts_(std::move(parts)), finder_(parts_.services, parts_.accounts) {}

  Task<std::string> List(OpContext context, std::string query_text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(query_text));
    std::optional<engine::ContainerTarget> only;
    if (query.Has("container")) {
      FB_CO_ASSIGN_OR_RETURN(
          only, co_await finder_.Require(context, std::string(query.Get("container"))));
    }
    FB_CO_ASSIGN_OR_RETURN(std::vector<LakeInfo> lakes, co_await Read(std::move(only)));
    if (query.Has("container") && lakes.empty()) {
      co_return Fail(Code::kNotFound, "The container " + std::string(query.Get("container")) +
                                          " is not attached to a lake.");
    }
    co_return Encode(lakes);
  }

  Task<std::string> Attach(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(AttachLakeRequest request, DecodeAttachLakeRequest(body));
    FB_CO_ASSIGN_OR_RETURN(FoundContainer found, co_await finder_.Find(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(tier::AttachRequest attach, ToTier(std::move(request), found.target));
    attach.create = !found.exists;
    auto done = co_await parts_.tier.Attach(context, std::move(attach));
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    FB_CO_ASSIGN_OR_RETURN(std::vector<LakeInfo> lakes, co_await Read(std::move(found.target)));
    if (lakes.empty()) co_return Fail(Code::kNotFound, "The container was detached meanwhile.");
    lakes.front().created = !found.exists;
    co_return Encode(lakes.front());
  }

  Task<std::string> Detach(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const DetachRequest request, DecodeDetachRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(std::vector<LakeInfo> before, co_await Read(target));
    const auto how = request.drop ? tier::DetachHow::kDrop : tier::DetachHow::kDrain;
    auto done = co_await parts_.tier.Detach(std::move(context), std::move(target), how);
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    if (before.empty()) co_return Fail(Code::kNotFound, "The container was detached meanwhile.");
    co_return Encode(before.front());
  }

  Task<std::string> Sync(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ContainerRequest request, DecodeContainerRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    auto done = co_await parts_.tier.Sync(std::move(context), target);
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    co_return co_await One(std::move(target));
  }

  Task<std::string> Approve(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ApproveRequest request, DecodeApproveRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_RETURN_IF_ERROR(
        co_await parts_.tier.ApproveDeletes(std::move(context), target, request.deletes));
    co_return co_await One(std::move(target));
  }

  Task<std::string> Verify(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ContainerRequest request, DecodeContainerRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(tier::AttachmentPtr attachment, co_await RequireRoom(std::move(target)));
    auto report =
        co_await tier::VerifyOverflow(parts_.services, std::move(context),
                                      parts_.tier.placement_parts().mover, std::move(attachment));
    if (!report) co_return Fail(ToldByLake(std::move(report.error())));
    VerifyInfo out{.blobs = report->blobs,
                   .bytes = report->bytes,
                   .damaged = report->damaged,
                   .objects = report->objects,
                   .to_delete = report->to_delete,
                   .unowned = report->unowned,
                   .foreign = report->foreign};
    for (tier::OverflowDamage& one : report->damage) {
      out.damage.push_back({.name = std::move(one.name),
                            .object = std::move(one.object),
                            .what = std::move(one.what)});
    }
    co_return Encode(out);
  }

  Task<std::string> TakeOver(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ContainerRequest request, DecodeContainerRequest(body));
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(context, request.container));
    FB_CO_ASSIGN_OR_RETURN(const tier::AttachmentPtr attachment, co_await RequireRoom(target));
    auto done = co_await attachment->owner->TakeOver(std::move(context));
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    co_return co_await One(std::move(target));
  }

 private:
  // The attachment of a container whose lake is room for it.
  Task<tier::AttachmentPtr> RequireRoom(engine::ContainerTarget target) const {
    FB_CO_ASSIGN_OR_RETURN(tier::AttachmentPtr attachment,
                           co_await parts_.tier.AttachmentOf(std::move(target)));
    if (attachment->owner) co_return attachment;
    co_return Fail(Code::kInvalidInput,
                   "The container is not attached with mode capacity: nothing of it lies in a lake "
                   "under names that only this server knows.");
  }

  Task<std::string> One(engine::ContainerTarget target) const {
    FB_CO_ASSIGN_OR_RETURN(const std::vector<LakeInfo> lakes, co_await Read(std::move(target)));
    if (lakes.empty()) co_return Fail(Code::kNotFound, "The container was detached meanwhile.");
    co_return Encode(lakes.front());
  }

  // What the records say of attachments, with how each is doing in this process.
  Task<std::vector<LakeInfo>> Read(std::optional<engine::ContainerTarget> only) const {
    FB_CO_ASSIGN_OR_RETURN(const std::vector<meta::AttachRecord> records,
                           co_await engine::ReadMetaOnPool(parts_.services, &AllAttachments));
    FB_CO_ASSIGN_OR_RETURN(const std::vector<tier::LakeStatus> statuses,
                           co_await parts_.services.pool.Run([tier = &parts_.tier] {
                             return Result<std::vector<tier::LakeStatus>>(tier->Status());
                           }));
    std::vector<LakeInfo> out;
    for (const meta::AttachRecord& record : records) {
      if (only && (record.account != only->account.name.str() ||
                   record.container != only->container.str())) {
        continue;
      }
      LakeInfo info = FromRecord(record);
      info.problem = "This process cannot use the lake; its log says why.";
      for (const tier::LakeStatus& status : statuses) {
        if (status.account == record.account && status.container == record.container) {
          AddStatus(status, info);
        }
      }
      out.push_back(std::move(info));
    }
    FB_CO_RETURN_IF_ERROR(co_await AddResidency(out));
    co_return out;
  }

  // What is here of each, where that is known, or soon enough.
  Task<> AddResidency(std::vector<LakeInfo>& lakes) const {
    const SteadyTime until = std::chrono::steady_clock::now() + kCountPatience;
    for (const bool wait : {false, true}) {  // all are being counted when the first is waited for
      for (LakeInfo& lake : lakes) {
        const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        FB_CO_ASSIGN_OR_RETURN(
            const auto known,
            co_await parts_.tier.Residency(
                {},
                {{azure::AccountName(lake.account), false}, azure::ContainerName(lake.container)},
                wait ? std::max(patience, std::chrono::milliseconds(0))
                     : std::chrono::milliseconds(0)));
        if (!known) continue;
        lake.residency = ResidencyInfo{.resident_bytes = known->counts.resident_bytes,
                                       .total_bytes = known->counts.bytes,
                                       .pinned_bytes = known->counts.pinned_bytes,
                                       .age_seconds = SecondsOf(known->age)};
      }
    }
    co_return Result<>{};
  }

  static LakeInfo FromRecord(const meta::AttachRecord& record) {
    return {.account = record.account,
            .container = record.container,
            .lake = record.endpoint,
            .credential = record.credential,
            .mode = kModes.Of(record.mode),
            .ordering = kOrderings.Of(record.ordering),
            .acknowledge = kAcknowledges.Of(record.acknowledge),
            .conflicts = kConflicts.Of(record.conflicts),
            .attached = TimeText(record.attached),
            .hierarchical = record.lake_hierarchical};
  }

  void AddStatus(const tier::LakeStatus& status, LakeInfo& info) const {
    info.lake = status.lake;
    info.problem = status.last_error;
    info.import = {.names = status.import.names,
                   .bytes = status.import.bytes,
                   .names_per_second = static_cast<std::uint64_t>(status.import.names_per_second),
                   .expected_names = status.import.expected,
                   .finished = status.import.finished};
    AddLink(status, info);
    AddBacklog(status, info);
    if (status.overflow) {
      info.overflow = OverflowInfo{.bodies = status.overflow->bodies,
                                   .bytes = status.overflow->bytes,
                                   .to_delete = status.overflow->to_delete,
                                   .stuck = status.overflow->stuck,
                                   .sent_bodies = status.overflow->sent.bodies,
                                   .sent_bytes = status.overflow->sent.bytes,
                                   .failures = status.overflow->sent.failures,
                                   .writes_held = status.writes_held};
      if (info.problem.empty()) info.problem = status.writes_held;
    }
    const auto usage = parts_.usage(status.account, status.container);
    if (!usage) return;
    info.failures = usage->failures;
    info.retries = usage->retries;
    for (std::size_t i = 0; i < lake::kCauses; ++i) {
      const lake::CauseUsage& cause = usage->by_cause[i];
      info.traffic.push_back({.cause = std::string(CauseName(static_cast<lake::Cause>(i))),
                              .requests = cause.requests,
                              .bytes_down = cause.bytes_down,
                              .bytes_up = cause.bytes_up});
    }
  }

  void AddLink(const tier::LakeStatus& status, LakeInfo& info) const {
    const tier::LinkHealth& link = status.link;
    LinkInfo out{.state = "up"};
    // Nobody has given it up yet, and the last request found nobody there.
    if (link.trouble == tier::LinkTrouble::kUnreachable) out.state = "failing";
    if (link.circuit == tier::CircuitState::kHalfOpen) out.state = "probing";
    if (link.circuit == tier::CircuitState::kOpen) out.state = "down";
    if (link.out_of_reach_since && out.state != "up") {
      out.down_seconds = SecondsOf(parts_.services.clock.SteadyNow() - *link.out_of_reach_since);
      out.retry_after_seconds = SecondsOf(status.retry_after);
    }
    info.link = std::move(out);
    if (!link.message.empty()) info.problem = link.message;
  }

  // The message for people is that of whatever is the matter first.
  void AddBacklog(const tier::LakeStatus& status, LakeInfo& info) const {
    if (!meta::LakeState{status.mode, false}.travels()) return;
    const tier::OffloadStatus& offload = status.offload;
    BacklogInfo out{.files = offload.changes,
                    .bytes = offload.bytes,
                    .blocked = offload.blocked,
                    .blocked_name = offload.blocked_name,
                    .paused = offload.deletes_paused,
                    .writes_held = status.writes_held};
    if (offload.oldest) {
      const std::int64_t age = parts_.services.clock.Now().ticks - offload.oldest->ticks;
      out.oldest_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(age, 0)) /
                           static_cast<std::uint64_t>(WallTime::kTicksPerSecond);
    }
    info.backlog = std::move(out);
    if (info.problem.empty()) info.problem = offload.last_error;
    if (info.problem.empty() && offload.blocked > 0) {
      info.problem = offload.blocked_name + ": " + offload.blocked_error;
    }
    if (info.problem.empty()) info.problem = offload.deletes_paused;
    if (info.problem.empty()) info.problem = status.writes_held;
  }

  const LakeParts parts_;
  const ContainerFinder finder_;
};

using Operation = Task<std::string> (Lakes::*)(OpContext, std::string) const;

// Keeps what it works on alive.
Task<std::string> Run(std::shared_ptr<const Lakes> lakes, Operation operation, OpContext context,
                      std::string body) {
  co_return co_await (*lakes.*operation)(std::move(context), std::move(body));
}

}  // namespace

void AddLakeOperations(ControlApi& api, LakeParts parts) {
  auto lakes = std::make_shared<const Lakes>(std::move(parts));
  const auto add = [&](const char* method, const char* path, Operation operation) {
    api.Add(method, path, [lakes, operation](OpContext context, std::string body) {
      return Run(lakes, operation, std::move(context), std::move(body));
    });
  };
  add("GET", "/v1/lakes", &Lakes::List);
  add("POST", "/v1/lakes/attach", &Lakes::Attach);
  add("POST", "/v1/lakes/detach", &Lakes::Detach);
  add("POST", "/v1/lakes/sync", &Lakes::Sync);
  add("POST", "/v1/lakes/approve", &Lakes::Approve);
  add("POST", "/v1/lakes/verify", &Lakes::Verify);
  add("POST", "/v1/lakes/takeover", &Lakes::TakeOver);
}

}  // namespace forebay::admin
