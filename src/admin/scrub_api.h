// The operations on the scrub, which reads and checks everything that is stored.
//
//   GET  /v1/scrub          where it stands
//   POST /v1/scrub          starts one now (kBusy while one runs); answers at once
//   POST /v1/scrub/cancel   gives the running one up (kNotFound when none runs)
#pragma once

#include "admin/control_api.h"
#include "async/thread_pool.h"
#include "chunk/scrubber.h"

namespace forebay::admin {

// References must outlive the API.
void AddScrubOperations(ControlApi& api, chunk::Scrubber& scrubber,
                        chunk::SegmentChunkStore& chunks, ThreadPool& pool);

}  // namespace forebay::admin
