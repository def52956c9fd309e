#include "admin/scrub_api.h"

#include <utility>

#include "admin/messages.h"

namespace forebay::admin {
namespace {

Result<std::string> Status(const chunk::Scrubber& scrubber,
                           const chunk::SegmentChunkStore& chunks) {
  FB_ASSIGN_OR_RETURN(auto volumes, chunks.Volumes());
  const chunk::ScrubState state = scrubber.state();
  ScrubInfo info{.running = state.running,
                 .started = TimeText(state.started),
                 .finished = TimeText(state.finished),
                 .chunks = state.chunks,
                 .bytes = state.bytes,
                 .live_bytes = 0,
                 .damaged = state.damaged,
                 .findings = {}};
  for (const chunk::VolumeStatus& volume : volumes) info.live_bytes += volume.live_bytes;
  for (const chunk::ScrubFinding& finding : state.findings) {
    info.findings.push_back(TimeText(finding.when) + " " + finding.what);
  }
  return EncodeScrub(info);
}

enum class Action { kStatus, kBegin, kCancel };

Result<std::string> Act(chunk::Scrubber& scrubber, const chunk::SegmentChunkStore& chunks,
                        Action action, const std::string& body) {
  if (action == Action::kBegin) {
    FB_ASSIGN_OR_RETURN(ScrubRequest request, DecodeScrubRequest(body));
    FB_RETURN_IF_ERROR(scrubber.Begin(request.bytes_per_second));
  } else if (action == Action::kCancel) {
    FB_RETURN_IF_ERROR(scrubber.Cancel());
  }
  return Status(scrubber, chunks);
}

Task<std::string> Run(ThreadPool& pool, chunk::Scrubber& scrubber,
                      const chunk::SegmentChunkStore& chunks, Action action, std::string body) {
  co_return co_await pool.Run([&scrubber, &chunks, action, body = std::move(body)] {
    return Act(scrubber, chunks, action, body);
  });
}

}  // namespace

void AddScrubOperations(ControlApi& api, chunk::Scrubber& scrubber,
                        chunk::SegmentChunkStore& chunks, ThreadPool& pool) {
  auto add = [&](const char* method, const char* path, Action action) {
    api.Add(method, path, [&pool, &scrubber, &chunks, action](OpContext, std::string body) {
      return Run(pool, scrubber, chunks, action, std::move(body));
    });
  };
  add("GET", "/v1/scrub", Action::kStatus);
  add("POST", "/v1/scrub", Action::kBegin);
  add("POST", "/v1/scrub/cancel", Action::kCancel);
}

}  // namespace forebay::admin
