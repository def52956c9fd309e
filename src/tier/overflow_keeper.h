// Deletes in the lake what no body of a container that is ours owns there any more (attach mode
// `capacity`; ADR 0114).
//
// Two sources: the list of objects to be deleted (engine/lake_objects.h), which follows from the
// store's own transactions and is complete but for what a process had sent when it ended; and, at
// the start and once a day, the lake's own listing below our prefix, a page a turn, against what
// bodies own. Nothing is deleted whose name is not one of ours, nor what is being sent right now,
// nor anything where the part of the lake is not ours (tier/overflow_owner.h).
//
// One object that the lake does not let go (somebody's lease, a legal hold) keeps no other: it is
// told of, and tried again later. Where the lake forbids us to delete, a turn ends, and all that is
// to be deleted counts as not let go until something is.
//
// Turn by one task at a time; the rest is thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

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
  std::chrono::milliseconds try_again = std::chrono::minutes(10);  // one that is not let go
  std::size_t most_stuck = 10'000;  // of those; with more a turn ends at the next one
};

// What a container has in the lake that is its room.
struct OverflowStatus {
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t to_delete = 0;  // objects; counted up to some ten thousand
  std::uint64_t stuck = 0;      // of them, that the lake did not let go when it was asked last
  std::string stuck_why{};      // one of those, for people
  OverflowSent sent{};
};
// Without what the store does not know: what the keeper adds, and `sent`.
Result<OverflowStatus> OverflowStatusOf(const kv::Reader& reader, meta::ContainerId container);

class OverflowKeeper {
 public:
  // All outlive it.
  OverflowKeeper(engine::Services& services, WorkerLoop& loop, const OverflowMover& mover,
                 AttachmentPtr attachment, OverflowKeeperOptions options = {});

  // Deletes all that is on the list, and looks at a page of the listing where that is due. kStale:
  // the container was detached; errors that concern the whole lake, after which the next turn goes
  // on.
  Task<> Turn(OpContext context);

  // What the lake did not let go is tried again in the next turn. Answers that are on their way do
  // not count any more.
  void ForgetStuck();
  // To a status that says how many there are to delete.
  void AddStuck(OverflowStatus& status) const;

 private:
  struct Page;
  struct Stuck {
    SteadyTime next{};
    std::string why;
  };
  Task<> DeleteAll(OpContext context);
  Task<> DeletePage(OpContext context, std::shared_ptr<Page> page);
  Task<> DeleteSome(OpContext context, std::shared_ptr<Page> page);
  std::uint64_t Round() const;
  bool IsPutOff(meta::BodyId body) const;
  // False where there is no room for another.
  bool PutOff(const Page& page, meta::BodyId body, const Error& error);
  void NoteRefusal(const Page& page, const Result<>& deleted);
  Task<> LookAtListing(OpContext context);

  engine::Services& services_;
  WorkerLoop& loop_;
  const OverflowMover& mover_;
  const AttachmentPtr attachment_;
  const OverflowKeeperOptions options_;
  std::string marker_;  // of the listing
  bool listing_ = true;
  SteadyTime listed_{};
  mutable std::mutex mutex_;
  std::uint64_t round_ = 0;  // another one once all that follows is forgotten
  std::map<meta::BodyId, Stuck> stuck_;
  std::string refused_;  // why nothing at all may be deleted; empty where that is not so
};

}  // namespace forebay::tier
