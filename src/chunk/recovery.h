// What Open does: takes hold of the data directories, loads the segments, and brings those that the
// last process left unsealed into order. Internal to chunk/. One thread; blocks.
#pragma once

#include <string>
#include <vector>

#include "chunk/core.h"

namespace forebay::chunk {

// Identifies each directory, or makes it a new volume, and registers it. Errors as
// SegmentChunkStore::Open says.
Result<> OpenVolumes(Core& core, const std::vector<std::string>& directories);

// Takes a session number that no process had before.
Result<> BeginSession(Core& core);

// Loads all segments; removes files that no record names; cuts unsealed segments down to what
// records name, and seals them.
Result<> RecoverSegments(Core& core);

}  // namespace forebay::chunk
