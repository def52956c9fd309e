// Brings every body of a container that is ours back from the lake that is its room (attach mode
// `capacity`; ADR 0114), so that the container can be detached.
//
// Each blob is stored here as one of ours (engine/bring_here.h) and is one from then on; so a drain
// that ended early goes on where it was when it is run again. It ends when nothing of the container
// is in the lake any more: also what only readers, open files and the sweeper still know of.
//
// Meanwhile nothing may be sent (OverflowMover::Hold), and somebody runs OverflowKeeper. Errors:
// kNoSpace, before anything is brought, where the disks have no room for it all, and later where
// they have none any more; kBlobArchived for a blob that is archived here; the lake's own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "engine/target.h"
#include "tier/attachments.h"
#include "tier/evict_options.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct DrainOptions {
  std::function<Result<DiskUse>()> disk = {};  // null: nobody looks whether there is room
  std::size_t blobs_at_a_time = 8;
  std::chrono::milliseconds look_again{50};  // whether the sweeper and the keeper are done
};

Task<> BringAllBack(engine::Services& services, OpContext context, WorkerLoop& loop,
                    AttachmentPtr attachment, engine::ContainerTarget target, DrainOptions options);

}  // namespace forebay::tier
