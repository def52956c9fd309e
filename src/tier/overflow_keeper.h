// Deletes in the lake what no body of a container that is ours owns there any more (attach mode
// `capacity`; ADR 0114).
//
// Two sources: the list of objects to be deleted (engine/lake_objects.h), which follows from the
// store's own transactions and is complete but for what a process had sent when it ended; and, at
// the start and once a day, the lake's own listing below our prefix, a page a turn, against what
// bodies own. Nothing is deleted whose name is not one of ours, nor what is being sent right now.
//
// Turn by one task at a time; the rest is thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "engine/lake_objects.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/overflow_mover.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct OverflowKeeperOptions {
  std::size_t deletes_at_a_time = 16;
  std::uint32_t names_per_turn = 2000;  // of the lake's listing
  std::chrono::hours between_listings{24};
};

// What a container has in the lake that is its room.
struct OverflowStatus {
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t to_delete = 0;  // objects; counted up to some ten thousand
};
Result<OverflowStatus> OverflowStatusOf(const kv::Reader& reader, meta::ContainerId container);

class OverflowKeeper {
 public:
  // All outlive it.
  OverflowKeeper(engine::Services& services, WorkerLoop& loop, const OverflowMover& mover,
                 AttachmentPtr attachment, OverflowKeeperOptions options = {});

  // Deletes all that is on the list, and looks at a page of the listing where that is due. kStale:
  // the container was detached; the lake's errors, after which the next turn goes on.
  Task<> Turn(OpContext context);

 private:
  struct Page;
  Task<> DeletePage(OpContext context, std::shared_ptr<Page> page);
  Task<> DeleteSome(OpContext context, std::shared_ptr<Page> page);
  Task<> LookAtListing(OpContext context);

  engine::Services& services_;
  WorkerLoop& loop_;
  const OverflowMover& mover_;
  const AttachmentPtr attachment_;
  const OverflowKeeperOptions options_;
  std::string marker_;  // of the listing
  bool listing_ = true;
  SteadyTime listed_{};
};

}  // namespace forebay::tier
