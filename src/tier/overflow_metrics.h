// What containers that overflow into a lake (attach mode `capacity`) report at a scrape, under the
// names of docs/metrics.md. What is read back is counted with the lake's other traffic
// (lake/accounting.h).
#pragma once

#include "metrics/metrics.h"
#include "tier/lake_tier.h"

namespace forebay::tier {

// `tier` outlives the handle.
[[nodiscard]] metrics::Registry::CallbackHandle CollectOverflow(metrics::Registry& registry,
                                                                const LakeTier& tier);

}  // namespace forebay::tier
