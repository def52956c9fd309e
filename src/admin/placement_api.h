// The operations on where bytes are: prefetch jobs, pins, eviction, hydration, residency.
//
//   POST /v1/prefetch          begins a job that fetches what a pattern matches; answers at once
//   GET  /v1/prefetch          jobs of a container, newest first; ?container=…[&id=…]
//   POST /v1/prefetch/cancel   ends one; what it fetched stays
//   GET  /v1/tier              ?container=…: how many names are where (walks them);
//                              &name=…: where one is
//   GET  /v1/tier/pins         ?container=…
//   POST /v1/tier/pin          what matches is never given up; with `hydrate` it is fetched, too
//   POST /v1/tier/unpin
//   POST /v1/tier/evict        gives up what is here of what matches and the lake has
//   POST /v1/tier/hydrate      one blob, all of it; answers when it is here
//   GET  /v1/cache             what this server keeps of lakes
//
// Containers are named as container_finder.h says, names by tier/glob.h.
#pragma once

#include "admin/control_api.h"
#include "admin/lake_api.h"

namespace forebay::admin {

// References must outlive the API.
void AddPlacementOperations(ControlApi& api, LakeParts parts);

}  // namespace forebay::admin
