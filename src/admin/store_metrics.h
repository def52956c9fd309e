// What a node's stores and listeners report at a scrape, under the names of docs/metrics.md: the
// key-value store, the chunk store with its volumes, the scrub, the sweeper and what waits for it,
// pending copies, and the connections. Requests are counted by RequestRecorder.
//
// Collectors block (they look into the stores): expose the registry on a pool. What they refer to
// must outlive the handles.
#pragma once

#include "chunk/scrubber.h"
#include "chunk/segment_chunk_store.h"
#include "engine/sweeper.h"
#include "http/server.h"
#include "kv/rocksdb.h"
#include "metrics/metrics.h"
#include "rest/blob/copy_jobs.h"

namespace forebay::admin {

using metrics::Registry;

[[nodiscard]] Registry::CallbackHandle CollectKv(Registry& registry, const kv::RocksDbStore& store);
[[nodiscard]] Registry::CallbackHandle CollectChunks(Registry& registry,
                                                     const chunk::SegmentChunkStore& chunks);
[[nodiscard]] Registry::CallbackHandle CollectScrub(Registry& registry,
                                                    const chunk::Scrubber& scrubber);
[[nodiscard]] Registry::CallbackHandle CollectSweeper(Registry& registry, const kv::Store& store,
                                                      const engine::Sweeper& sweeper);
[[nodiscard]] Registry::CallbackHandle CollectCopies(Registry& registry,
                                                     const rest::CopyJobs& copies);
[[nodiscard]] Registry::CallbackHandle CollectHttp(Registry& registry, const http::Server& server);

}  // namespace forebay::admin
