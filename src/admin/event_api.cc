#include "admin/event_api.h"

#include <memory>
#include <utility>

#include "admin/container_finder.h"
#include "admin/event_messages.h"
#include "admin/lake_errors.h"
#include "admin/lake_messages.h"
#include "admin/messages.h"
#include "admin/webhook_service.h"
#include "azure/target.h"
#include "azure/wire.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "tier/conflict.h"
#include "tier/conflict_settle.h"
#include "tier/events.h"

namespace forebay::admin {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kLargestPage = 1000;

// Which part of a container's list.
struct Wanted {
  engine::ContainerTarget target;
  std::uint64_t after = 0;
  std::size_t limit = kPage;
};

Result<std::uint64_t> NumberIn(const azure::Query& query, const char* name, std::uint64_t usual) {
  if (!query.Has(name)) return usual;
  const auto number = azure::ParseUint(query.Get(name));
  if (number) return *number;
  return Fail(Code::kInvalidInput, "\"" + std::string(name) + "\" must be a whole number.");
}

Result<EventPageInfo> ReadEvents(const kv::Reader& reader, const Wanted& wanted) {
  FB_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      engine::RequireContainer(reader, wanted.target.account.name, wanted.target.container));
  FB_ASSIGN_OR_RETURN(const tier::EventPage page,
                      tier::ListEvents(reader, container.id, wanted.after, wanted.limit));
  EventPageInfo out{.more = page.more};
  for (const auto& [cursor, event] : page.events) {
    out.events.push_back({.cursor = cursor,
                          .kind = std::string(tier::EventKindName(event.kind)),
                          .warning = tier::IsWarning(event.kind),
                          .at = TimeText(event.at),
                          .name = event.name,
                          .other = event.other,
                          .etag_before = event.etag_before,
                          .etag_now = event.etag_now,
                          .text = event.text});
  }
  return out;
}

Result<ConflictPageInfo> ReadConflicts(const kv::Reader& reader, const Wanted& wanted) {
  FB_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      engine::RequireContainer(reader, wanted.target.account.name, wanted.target.container));
  FB_ASSIGN_OR_RETURN(const tier::ConflictPage page,
                      tier::ListConflicts(reader, container.id, wanted.after, wanted.limit));
  ConflictPageInfo out{.more = page.more};
  for (const auto& [id, record] : page.conflicts) {
    out.conflicts.push_back({.id = id,
                             .kind = std::string(tier::ConflictKindName(record.kind)),
                             .outcome = std::string(tier::ConflictOutcomeName(record.outcome)),
                             .name = record.name,
                             .kept_as = record.kept_as,
                             .at = TimeText(record.at),
                             .etag_before = record.etag_before,
                             .etag_now = record.etag_now,
                             .length_here = record.length_here,
                             .length_there = record.length_there,
                             .modified_here = TimeText(record.modified_here),
                             .modified_there = TimeText(record.modified_there)});
  }
  return out;
}

class EventOperations {
 public:
  explicit EventOperations(LakeParts parts)
      : parts_(std::move(parts)), finder_(parts_.services, parts_.accounts) {}

  Task<std::string> Events(OpContext context, std::string query) const {
    return Page(std::move(context), std::move(query), &ReadEvents);
  }
  Task<std::string> Conflicts(OpContext context, std::string query) const {
    return Page(std::move(context), std::move(query), &ReadConflicts);
  }

  Task<std::string> FromAzure(OpContext context, std::string body) const {
    return TakeAzureEvents(parts_.tier.watch(), std::move(context), std::move(body));
  }

  Task<std::string> Check(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ContainerRequest request, DecodeContainerRequest(body));
    FB_CO_ASSIGN_OR_RETURN(const tier::AttachmentPtr attachment,
                           co_await Attached(context, request.container));
    auto walked = co_await parts_.tier.watch().WalkNow(std::move(context), attachment->container);
    if (!walked) co_return Fail(ToldByLake(std::move(walked.error())));
    co_return Encode(CheckInfo{.finished = TimeText(walked->finished),
                               .names = walked->names,
                               .changed = walked->changed,
                               .deleted = walked->deleted,
                               .conflicts = walked->conflicts});
  }

  Task<std::string> Resolve(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const ConflictRequest request, DecodeConflictRequest(body));
    FB_CO_ASSIGN_OR_RETURN(tier::AttachmentPtr attachment,
                           co_await Attached(context, request.container));
    if (request.keep != "ours" && request.keep != "theirs" && !request.keep.empty()) {
      co_return Fail(Code::kInvalidInput, "\"keep\" must be ours or theirs, or absent.");
    }
    auto done =
        request.keep.empty()
            ? co_await tier::DismissConflict(parts_.services, context, attachment, request.id)
            : co_await tier::ResolveConflict(parts_.services, context, attachment, request.id,
                                             request.keep == "ours"
                                                 ? tier::ConflictChoice::kOurs
                                                 : tier::ConflictChoice::kTheirs);
    if (!done) co_return Fail(ToldByLake(std::move(done.error())));
    co_return Encode(request);
  }

 private:
  // A page of one of a container's lists.
  template <class PageInfo>
  Task<std::string> Page(OpContext context, std::string query,
                         Result<PageInfo> (*read)(const kv::Reader&, const Wanted&)) const {
    FB_CO_ASSIGN_OR_RETURN(const Wanted wanted,
                           co_await Want(std::move(context), std::move(query)));
    FB_CO_ASSIGN_OR_RETURN(
        const PageInfo page,
        co_await engine::ReadMetaOnPool(parts_.services, [wanted, read](const kv::Reader& reader) {
          return read(reader, wanted);
        }));
    co_return Encode(page);
  }

  Task<tier::AttachmentPtr> Attached(OpContext context, std::string name) const {
    FB_CO_ASSIGN_OR_RETURN(engine::ContainerTarget target,
                           co_await finder_.Require(std::move(context), std::move(name)));
    co_return co_await parts_.tier.AttachmentOf(std::move(target));
  }

  Task<Wanted> Want(OpContext context, std::string text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(text));
    if (!query.Has("container")) {
      co_return Fail(Code::kInvalidInput, "\"container\" is missing in the query.");
    }
    Wanted wanted;
    FB_CO_ASSIGN_OR_RETURN(
        wanted.target,
        co_await finder_.Require(std::move(context), std::string(query.Get("container"))));
    FB_CO_ASSIGN_OR_RETURN(wanted.after, NumberIn(query, "after", 0));
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t limit, NumberIn(query, "limit", kPage));
    wanted.limit = std::min<std::size_t>(limit, kLargestPage);
    co_return wanted;
  }

  const LakeParts parts_;
  const ContainerFinder finder_;
};

using Operation = Task<std::string> (EventOperations::*)(OpContext, std::string) const;

// Keeps what it works on alive.
Task<std::string> Run(std::shared_ptr<const EventOperations> operations, Operation operation,
                      OpContext context, std::string body) {
  co_return co_await (*operations.*operation)(std::move(context), std::move(body));
}

}  // namespace

void AddEventOperations(ControlApi& api, LakeParts parts) {
  auto operations = std::make_shared<const EventOperations>(std::move(parts));
  const auto add = [&](const char* method, const char* path, Operation operation) {
    api.Add(method, path, [operations, operation](OpContext context, std::string body) {
      return Run(operations, operation, std::move(context), std::move(body));
    });
  };
  add("GET", "/v1/lakes/events", &EventOperations::Events);
  add("GET", "/v1/lakes/conflicts", &EventOperations::Conflicts);
  add("POST", "/v1/lakes/conflicts/resolve", &EventOperations::Resolve);
  add("POST", "/v1/lakes/check", &EventOperations::Check);
  add("POST", "/v1/lakes/azure-events", &EventOperations::FromAzure);
}

}  // namespace forebay::admin
