// Stands between the deletes made here and the lake: too many at once, and it pauses and asks.
//
// A script gone wrong must not empty somebody's data lake. Two limits over a sliding window: a
// number of deletes, and a share of the container's blobs. What counts is what has travelled within
// the window and all that waits to travel, so a limit is seen before the first delete of a flood
// and not in its middle. Over either limit the guard pauses: deletes wait in the change log, the
// container here works as ever, until somebody agrees to a number of them. Those travel whatever
// the limits say; what comes after them is counted from zero.
//
//   open ──(limit, or by hand)──▶ paused(reason, since) ──Approve(agreed)──▶ open
//
// A pause survives restarts: Save and Restore carry what must be kept; the caller stores it in the
// transaction that sees the pause. Deterministic under the time that is handed in. Thread
// compatible.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"

namespace forebay::tier {

struct DeleteGuardOptions {
  std::uint64_t per_window = 10'000;  // deletes; 0: no limit
  std::chrono::seconds window{3'600};
  double share = 0.1;  // of the blobs that there were before; 1 or more: no limit
  // Shares are not looked at below this many deletes: three of ten files are nobody's disaster.
  std::uint64_t share_from = 1'000;
};

enum class DeleteVerdict : std::uint8_t { kAllowed, kPaused };

struct DeleteDemand {
  std::uint64_t deletes = 1;  // that travel now, if they may
  std::uint64_t waiting = 1;  // in the change log, these included
  std::uint64_t blobs_left =
      0;  // in the container as it is here: the waiting ones are gone already
};

struct DeletePause {
  WallTime since;
  std::string reason;         // one sentence, for status and event
  std::uint64_t waiting = 0;  // deletes in the log when it was asked last
};

class DeleteGuard {
 public:
  explicit DeleteGuard(const DeleteGuardOptions& options);

  // Before deletes travel. Allowed ones are counted as done.
  DeleteVerdict Ask(const DeleteDemand& demand, WallTime now);

  // Somebody looked at `agreed` deletes and agrees: open again. True where it was paused.
  bool Approve(std::uint64_t agreed);
  // An operator pauses it by hand.
  void Pause(std::string reason, WallTime now);
  void SetOptions(const DeleteGuardOptions& options) { options_ = options; }

  const std::optional<DeletePause>& paused() const { return paused_; }
  std::uint64_t in_window(WallTime now) const;

  // What a restart needs. The window starts full of what it held, at the time of saving: never
  // more lenient than without a restart.
  struct Saved {
    std::optional<DeletePause> paused;
    std::uint64_t in_window = 0;
    WallTime saved_at;
    std::uint64_t agreed = 0;
  };
  Saved Save(WallTime now) const;
  void Restore(const Saved& saved);

 private:
  struct Slice {
    std::int64_t index;  // of a sixtieth of the window
    std::uint64_t deletes;
  };

  std::int64_t SliceOf(WallTime now) const;
  void DropOldSlices(WallTime now);
  std::optional<std::string> Objection(const DeleteDemand& demand, WallTime now) const;

  DeleteGuardOptions options_;
  std::deque<Slice> slices_;  // at most 61
  std::uint64_t agreed_ = 0;  // of those, not yet travelled
  std::optional<DeletePause> paused_;
};

}  // namespace forebay::tier
