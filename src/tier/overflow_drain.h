// Brings every body of a container that is ours back from the lake that is its room (attach mode
// `capacity`; ADR 0114), so that the container can be detached.
//
// Each blob is stored here as one of ours (engine/bring_here.h) and is one from then on; so a drain
// that ended early goes on where it was when it is run again. It ends when nothing of the container
// is in the lake any more: also what only readers, open files and the sweeper still know of, and
// what the keeper has to delete.
//
// Meanwhile nothing is sent, and somebody runs the keeper. Errors: kNoSpace, before anything is
// brought, where the disks have no room for it all, and later where they have none any more;
// kBlobArchived for a blob that is archived here; kBusy where only objects are left that the lake
// does not let go; those of OverflowOwner; the lake's own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "engine/target.h"
#include "tier/attachments.h"
#include "tier/evict_options.h"
#include "tier/overflow_keeper.h"
#include "tier/overflow_mover.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct DrainOptions {
  std::function<Result<DiskUse>()> disk = {};  // null: nobody looks whether there is room
  std::size_t blobs_at_a_time = 8;
  std::chrono::milliseconds look_again{50};  // whether others are done
};

struct DrainParts {
  engine::Services& services;
  WorkerLoop& loop;
  OverflowMover& mover;
  OverflowKeeper& keeper;
};
// While the answer lives nothing more of the container is sent.
Task<std::shared_ptr<const void>> BringAllBack(DrainParts parts, OpContext context,
                                               AttachmentPtr attachment,
                                               engine::ContainerTarget target,
                                               DrainOptions options);

// Before a container is detached without being drained: nothing is brought, and what is to be
// deleted there may stay. kInvalidInput while bodies of it are there only.
Task<std::shared_ptr<const void>> HoldUndrained(DrainParts parts, OpContext context,
                                                AttachmentPtr attachment);

}  // namespace forebay::tier
