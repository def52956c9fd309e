#include "tier/overflow_drain.h"

#include <boost/asio/this_coro.hpp>
#include <memory>
#include <string>
#include <utility>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/units.h"
#include "engine/bring_here.h"
#include "engine/read_gate.h"
#include "tier/evict_walk.h"
#include "tier/overflow_keeper.h"

namespace forebay::tier {
namespace {

struct Drain {
  engine::Services& services;
  OpContext context;
  WorkerLoop& loop;
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
  co_return co_await Walk(drain->services, std::move(request));
}

// That a drain does not fill the disks and then stop with half of it here.
Task<> CheckRoom(DrainPtr drain) {
  if (!drain->options.disk) co_return Result<>{};
  std::uint64_t missing = 0;
  std::string start;
  do {
    FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await NextPage(drain, std::move(start)));
    for (const WalkedName& walked : page.names) {
      if (walked.record.body.in_lake) missing += walked.record.length - walked.resident.bytes;
    }
    start = std::move(page.next);
  } while (!start.empty());
  FB_CO_ASSIGN_OR_RETURN(const DiskUse use, co_await drain->services.pool.Run(
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
      drain->services, drain->context,
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
        group.Spawn(drain->loop.Next(), BringOne(drain, std::move(at->name)));
        ++n;
      }
      FB_CO_RETURN_IF_ERROR(co_await group.Join());
    }
    start = std::move(page.next);
  } while (!start.empty());
  co_return Result<>{};
}

}  // namespace

Task<> BringAllBack(engine::Services& services, OpContext context, WorkerLoop& loop,
                    AttachmentPtr attachment, engine::ContainerTarget target,
                    DrainOptions options) {
  const meta::ContainerId container = attachment->container;
  auto drain = std::make_shared<Drain>(Drain{.services = services,
                                             .context = context,
                                             .loop = loop,
                                             .attachment = std::move(attachment),
                                             .target = std::move(target),
                                             .options = std::move(options)});
  FB_CO_RETURN_IF_ERROR(co_await CheckRoom(drain));
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(
        const OverflowStatus status,
        co_await engine::ReadMetaOnPool(services, [container](const kv::Reader& reader) {
          return OverflowStatusOf(reader, container);
        }));
    if (status.bodies == 0 && status.to_delete == 0) co_return Result<>{};
    if (status.bodies > 0) FB_CO_RETURN_IF_ERROR(co_await BringNames(drain));
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(drain->options.look_again, context));
  }
}

}  // namespace forebay::tier
