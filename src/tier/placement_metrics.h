// What eviction and prefetch report at a scrape, under the names of docs/metrics.md.
#pragma once

#include "metrics/metrics.h"
#include "tier/placement.h"

namespace forebay::tier {

// `placement` outlives the handle.
[[nodiscard]] metrics::Registry::CallbackHandle CollectPlacement(metrics::Registry& registry,
                                                                 const Placement& placement);

}  // namespace forebay::tier
