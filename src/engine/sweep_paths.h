// The sweeper's steps for hierarchical containers: deleted directories, and files that expire. Each
// one bounded transaction function, as in engine/sweep_steps.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::engine {

// Some of what is in a deleted directory; its directories become deleted ones of their own. What a
// lake has of it is noted first (engine/detached_tree.h). True when it is empty and forgotten.
Result<bool> SweepDirectoryStep(Services& services, kv::Transaction& txn, meta::InodeId inode,
                                std::uint64_t& removed);
// Removes the file that this note (keys::Expiry) is about, if it still expires by `now`, and the
// note. Returns true.
Result<bool> ExpireFileStep(Services& services, kv::Transaction& txn, std::string_view note,
                            WallTime now);

}  // namespace forebay::engine
