#include "chunk/sync.h"

#include <future>
#include <set>

#include "async/event.h"

namespace forebay::chunk {
namespace {

struct Waiter {
  Event event;
  Result<> result;
};

// The segments that need a sync. A chunk on a failed volume fails everything: what was durable
// there cannot be trusted to be read again.
Result<std::set<SegmentPtr>> SegmentsToSync(const std::vector<SegmentStagedChunkPtr>& chunks) {
  std::set<SegmentPtr> segments;
  for (const SegmentStagedChunkPtr& chunk : chunks) {
    FB_RETURN_IF_ERROR(chunk->segment()->volume()->CheckReadable());
    if (!chunk->durable()) segments.insert(chunk->segment());
  }
  return segments;
}

void RunSyncs(Core& core, Segment& segment) {
  core.counters.syncs.fetch_add(segment.RunSyncs());
  if (segment.volume()->state() == VolumeState::kFailed) {
    core.OnSyncFailed(*segment.volume(), Error(Code::kVolumeFailed, segment.volume()->failure()));
  }
}

}  // namespace

Task<> SyncOnPool(CorePtr core, ThreadPool& pool, OpContext context,
                  std::vector<SegmentStagedChunkPtr> chunks) {
  FB_CO_ASSIGN_OR_RETURN(std::set<SegmentPtr> segments, SegmentsToSync(chunks));
  std::vector<std::shared_ptr<Waiter>> waiters;
  for (const SegmentPtr& segment : segments) {
    auto waiter = std::make_shared<Waiter>();
    waiters.push_back(waiter);
    core->counters.sync_requests.fetch_add(1);
    bool leads = segment->AddSyncWaiter([waiter](const Result<>& result) {
      waiter->result = result;
      waiter->event.Set();
    });
    if (leads && !pool.TryPost([core, segment] { RunSyncs(*core, *segment); })) {
      segment->FailSyncs(Error(Code::kBusy, "too many syncs wait; try again"));
    }
  }
  for (const auto& waiter : waiters) {
    FB_CO_RETURN_IF_ERROR(co_await waiter->event.Wait(context));
    FB_CO_RETURN_IF_ERROR(waiter->result);
  }
  co_return Result<>();
}

Result<> SyncBlocking(Core& core, const std::vector<SegmentStagedChunkPtr>& chunks) {
  FB_ASSIGN_OR_RETURN(std::set<SegmentPtr> segments, SegmentsToSync(chunks));
  for (const SegmentPtr& segment : segments) {
    auto promise = std::make_shared<std::promise<Result<>>>();
    auto future = promise->get_future();
    core.counters.sync_requests.fetch_add(1);
    bool leads =
        segment->AddSyncWaiter([promise](const Result<>& result) { promise->set_value(result); });
    if (leads) RunSyncs(core, *segment);
    FB_RETURN_IF_ERROR(future.get());
  }
  return {};
}

}  // namespace forebay::chunk
