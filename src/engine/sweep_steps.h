// The single steps of the sweeper, each one bounded transaction function. Split from the thread
// that runs them so that they can be tested one by one, interrupted anywhere.
#pragma once

#include <optional>

#include "engine/services.h"
#include "meta/garbage.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::engine {

// First of all, for kinds of commits under way that are too old: takes the record away from a
// commit that may still come, so that it fails instead of adopting half of what it prepared.
// Answers what the record is now, or nothing when a commit adopted it.
Result<std::optional<meta::GarbageKind>> CondemnStep(kv::Transaction& txn, meta::BodyId id);

// Each returns true when nothing is left to do for that record, which it erased then.

// kBody and kForgetShared (`shared`): a page's worth of extents at a time, then the block list.
Result<bool> SweepBodyStep(Services& services, kv::Transaction& txn, meta::BodyId body,
                           bool shared = false);
// kForgetStaged (`release` false) and kStaging (`release` true).
Result<bool> SweepStagedStep(Services& services, kv::Transaction& txn, meta::BodyId generation,
                             bool release);
// kReleaseList.
Result<bool> SweepReleaseListStep(Services& services, kv::Transaction& txn, meta::BodyId list);
// kForgetList.
Result<bool> ForgetListStep(kv::Transaction& txn, meta::BodyId list);
// A deleted container: some of its blobs, then its staged names. `removed` counts the blobs.
Result<bool> SweepContainerStep(Services& services, kv::Transaction& txn,
                                const meta::ContainerRecord& container, std::uint64_t& removed);
// What the staging record under `key` (keys::Staging, Appends, Pieces) is for, and nobody touched
// since before `limit`, becomes garbage. Returns true.
Result<bool> ExpireStagingStep(kv::Transaction& txn, std::string_view key, WallTime limit,
                               WallTime now);

}  // namespace forebay::engine
