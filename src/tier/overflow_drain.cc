#include "tier/overflow_drain.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/units.h"
#include "engine/bring_here.h"
#include "engine/read_gate.h"
#include "tier/evict_walk.h"

namespace forebay::tier {
namespace {

struct Drain {
  DrainParts parts;
  OpContext context;
  AttachmentPtr attachment;
  engine::ContainerTarget target;
  DrainOptions options;
};
using DrainPtr = std::shared_ptr<Drain>;

Task<WalkPage> NextPage(DrainPtr drain, std::string start) {
  FB_CO_RETURN_IF_ERROR(drain->context.Check());
  WalkRequest request;
  request.attachment = drain->attachment;
  request.start = std::move(start);
  co_return co_await Walk(drain->parts.services, std::move(request));
}

// That a drain does not fill the disks and then stop with half of it here.
Task<> CheckRoom(DrainPtr drain) {
  if (!drain->options.disk) co_return Result<>{};
  std::uint64_t missing = 0;
  std::set<meta::BodyId> linked;  // that have several names, and come back once
  std::string start;
  do {
    FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await NextPage(drain, std::move(start)));
    for (const WalkedName& walked : page.names) {
      const meta::BlobRecord& record = walked.record;
      if (!record.body.in_lake) continue;
      if (record.node.links > 1 && !linked.insert(record.body.id).second) continue;
      missing += record.length - std::min(record.length, walked.resident.bytes);
    }
    start = std::move(page.next);
  } while (!start.empty());
  FB_CO_ASSIGN_OR_RETURN(const DiskUse use, co_await drain->parts.services.pool.Run(
                                                [drain] { return drain->options.disk(); }));
  const std::uint64_t free = use.capacity > use.used ? use.capacity - use.used : 0;
  if (missing <= free) co_return Result<>{};
  co_return Fail(Code::kNoSpace, "Detaching brings back " + FormatBytes(missing) +
                                     " that only the lake has, and there is room for " +
                                     FormatBytes(free) +
                                     ": add a data directory, or delete some blobs first.");
}

Task<> BringOne(DrainPtr drain, std::string name) {
  auto brought = co_await engine::BringHere(
      drain->parts.services, drain->context,
      engine::BlobTarget{drain->target.account, drain->target.container, azure::BlobName(name)});
  if (brought) co_return brought;
  switch (brought.error().code()) {
    case Code::kBlobNotFound:
    case Code::kPathNotFound:
    case Code::kStale:  // it changed: the next walk finds what it has become
      co_return Result<>{};
    default:
      co_return Fail(Error(brought.error().code(), name + ": " + brought.error().message()));
  }
}

// All names once.
Task<> BringNames(DrainPtr drain) {
  std::string start;
  do {
    FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await NextPage(drain, std::move(start)));
    auto at = page.names.begin();
    while (at != page.names.end()) {
      FB_CO_RETURN_IF_ERROR(drain->context.Check());
      TaskGroup group(co_await boost::asio::this_coro::executor);
      for (std::size_t n = 0; at != page.names.end() && n < drain->options.blobs_at_a_time; ++at) {
        if (!at->record.body.in_lake) continue;
        group.Spawn(drain->parts.loop.Next(), BringOne(drain, std::move(at->name)));
        ++n;
      }
      FB_CO_RETURN_IF_ERROR(co_await group.Join());
    }
    start = std::move(page.next);
  } while (!start.empty());
  co_return Result<>{};
}

bool IsOver(const OverflowStatus& status) { return status.bodies == 0 && status.to_delete == 0; }

Task<OverflowStatus> StatusOf(DrainPtr drain) {
  FB_CO_ASSIGN_OR_RETURN(
      OverflowStatus status,
      co_await engine::ReadMetaOnPool(
          drain->parts.services, [id = drain->attachment->container](const kv::Reader& reader) {
            return OverflowStatusOf(reader, id);
          }));
  drain->parts.keeper.AddStuck(status);
  co_return std::move(status);
}

Task<std::shared_ptr<const void>> StopSending(DrainParts parts, OpContext context,
                                              AttachmentPtr attachment,
                                              std::chrono::milliseconds look_again) {
  std::shared_ptr<const void> hold = parts.mover.Hold(attachment->container);
  while (parts.mover.IsSending(attachment->container)) {
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(look_again, context));
  }
  co_return std::move(hold);
}

}  // namespace

Task<std::shared_ptr<const void>> BringAllBack(DrainParts parts, OpContext context,
                                               AttachmentPtr attachment,
                                               engine::ContainerTarget target,
                                               DrainOptions options) {
  auto drain = std::make_shared<Drain>(Drain{.parts = parts,
                                             .context = context,
                                             .attachment = std::move(attachment),
                                             .target = std::move(target),
                                             .options = std::move(options)});
  FB_CO_ASSIGN_OR_RETURN(
      std::shared_ptr<const void> hold,
      co_await StopSending(parts, context, drain->attachment, drain->options.look_again));
  FB_CO_ASSIGN_OR_RETURN(OverflowStatus status, co_await StatusOf(drain));
  if (IsOver(status)) co_return std::move(hold);  // no lake is asked
  FB_CO_RETURN_IF_ERROR(co_await drain->attachment->owner->Require(context));
  FB_CO_RETURN_IF_ERROR(co_await CheckRoom(drain));
  parts.keeper.ForgetStuck();
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(status, co_await StatusOf(drain));
    if (IsOver(status)) co_return std::move(hold);
    // Where this fails the keeper's turns do, too, and nobody but it hears of them.
    FB_CO_RETURN_IF_ERROR(co_await drain->attachment->owner->Require(context));
    if (status.bodies == 0 && status.to_delete <= status.stuck) {
      co_return Fail(Code::kBusy,
                     "All bodies are here again, but the lake does not let go of " +
                         std::to_string(status.stuck) + " of their objects: " + status.stuck_why +
                         " Detach again once it does, or with --drop, which leaves them there.");
    }
    if (status.bodies > 0) FB_CO_RETURN_IF_ERROR(co_await BringNames(drain));
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(drain->options.look_again, context));
  }
}

Task<std::shared_ptr<const void>> HoldUndrained(DrainParts parts, OpContext context,
                                                AttachmentPtr attachment) {
  FB_CO_ASSIGN_OR_RETURN(
      std::shared_ptr<const void> hold,
      co_await StopSending(parts, context, attachment, DrainOptions().look_again));
  FB_CO_ASSIGN_OR_RETURN(
      const OverflowStatus status,
      co_await engine::ReadMetaOnPool(parts.services,
                                      [id = attachment->container](const kv::Reader& reader) {
                                        return OverflowStatusOf(reader, id);
                                      }));
  if (status.bodies == 0) co_return std::move(hold);
  co_return Fail(Code::kInvalidInput,
                 "The lake is room for bodies of this container: what is not here would be "
                 "lost. Detach without dropping.");
}

}  // namespace forebay::tier
