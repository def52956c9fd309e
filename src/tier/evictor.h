// Keeps what is here below its watermarks: asks the policy what to give up, has it given up in
// transactions that check again, and finds out after a restart what there is.
//
// Run is one task on the tier's own threads; Pass, WalkAll and StoreHints are its parts, for tests
// and commands, not at the same time as Run. The rest is thread safe. An error ends a pass, is
// logged and counted; the next pass tries again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/event.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/back_pressure.h"
#include "tier/evict_book.h"
#include "tier/evict_options.h"
#include "tier/evict_steps.h"
#include "tier/evict_walk.h"
#include "tier/overflow_mover.h"
#include "tier/pins.h"

namespace forebay::tier {

class Evictor {
 public:
  Evictor(engine::Services& services, const Attachments& attachments, EvictionBook& book,
          PinCache& pins, OverflowMover& mover, BackPressure& pressure, EvictOptions options);

  // Until the context is cancelled.
  Task<> Run(OpContext context);

  // Gives up what is above the watermark. With nothing left to choose from it looks for local
  // bodies that the lake holds, and has some sent to lakes that are room for ours, behind its back
  // (tier/overflow_mover.h: Want).
  Task<> Pass(OpContext context);
  // All names once: what is resident becomes known, and under pressure local bodies that the lake
  // holds become its own.
  Task<> WalkAll(OpContext context);
  // What the policy remembers goes to the store, some of it at a time.
  Task<> StoreHints(OpContext context);

  // What may still be fetched without pushing out more than the low watermark leaves; pinned bytes
  // stay whatever happens.
  std::uint64_t KeepableBytes() const;
  // Looks soon, not at the next interval.
  void Wake();
  void Describe(CacheStatus& status) const;

 private:
  struct WalkState {
    std::vector<AttachmentPtr> left;  // the last one first
    std::string start;
  };
  struct Pressure {
    std::uint64_t excess = 0;  // above the low watermark
    bool above_high = false;
  };

  Task<> Wait(OpContext context);
  Task<Pressure> Measure();
  bool WalkIsDue() const;
  // What one transaction does for some victims, from `first` on.
  struct Batch {
    std::vector<EvictionEntry> victims;
    std::size_t first = 0;
    std::size_t next = 0;
    std::vector<DropStep> steps;  // of [first, next), and of the one at `next` if it is not done
  };

  Task<std::uint64_t> GiveUp(OpContext context, std::uint64_t bytes);
  Task<std::uint64_t> DropAll(OpContext context, std::vector<EvictionEntry> victims,
                              std::vector<EvictionEntry>& refused);
  Result<> DropSome(kv::Transaction& txn, Batch& batch);
  std::uint64_t Settle(const Batch& batch, std::vector<EvictionEntry>& refused);
  void BeginWalk();
  Task<> WalkSome(OpContext context, bool adopt, bool unsettled);
  Task<> Take(OpContext context, AttachmentPtr attachment, WalkPage page, bool adopt,
              bool unsettled);
  bool MayAdopt(const WalkedName& walked, bool unsettled) const;
  Task<> AdoptOne(OpContext context, AttachmentPtr attachment, const WalkedName& walked);

  engine::Services& services_;
  const Attachments& attachments_;
  EvictionBook& book_;
  PinCache& pins_;
  OverflowMover& mover_;
  BackPressure& back_pressure_;
  const EvictOptions options_;

  std::mutex wake_mutex_;
  std::shared_ptr<Event> wake_ = std::make_shared<Event>();

  // Of Run.
  std::optional<WalkState> walk_;
  SteadyTime walk_began_{}, walked_{};  // the last one: when it began, when it ended
  std::uint64_t unsent_at_walk_ = 0;
  SteadyTime hints_stored_{};
  bool evicting_ = false;

  std::atomic<Watermark> watermark_{Watermark::kBelow};
  std::atomic<bool> under_pressure_{false};  // above the low watermark
  std::atomic<bool> restored_{false};
  std::atomic<std::uint64_t> disk_capacity_{0}, disk_used_{0};
  std::atomic<std::uint64_t> evicted_pieces_{0}, evicted_bytes_{0}, adopted_{0}, refused_{0},
      failures_{0};
};

}  // namespace forebay::tier
