// How much of the lakes is kept here, and how fast it is fetched ahead: from the configuration.
#pragma once

#include "chunk/segment_chunk_store.h"
#include "config/config.h"
#include "tier/evict_options.h"

namespace forebay::cli {

// `chunks` outlives what is made of the options. kInvalidConfig, naming the key.
Result<tier::PlacementOptions> PlacementOptionsOf(const config::Config& config,
                                                  const chunk::SegmentChunkStore& chunks);

}  // namespace forebay::cli
