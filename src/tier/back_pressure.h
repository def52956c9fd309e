// Whether containers whose changes travel take more bytes: not while what waits for their lakes
// fills the disks, since nothing of that may be given up.
//
// A rule over what eviction saw when it looked last, and its state. Above a mark, which lies
// between the high watermark of eviction and the reserve at which everybody's writes end, such
// containers are answered kServerBusy while bytes that wait are what keeps the disks there; and
// those whose lake is room for them, while they have bodies to send. It ends by itself: what has
// travelled is given up. A container may have a limit of its own as well.
// Containers that are ours and overflow into a lake are held likewise, while there is something to
// send.
//
// Thread safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "base/error.h"

namespace forebay::tier {

struct BackPressureOptions {
  // Of the disks, less their reserve (tier/evict_options.h: DiskUse).
  unsigned percent = 95;
  // Bytes of one container that may wait; 0: as many as the disks take.
  std::uint64_t container_limit = 0;
};

// What eviction sees when it looks.
struct RoomFacts {
  std::uint64_t capacity = 0;  // 0: nobody looks at the disks
  std::uint64_t used = 0;
  std::uint64_t unsent = 0;     // bytes in change logs, of all containers whose changes travel
  std::uint64_t evictable = 0;  // here, in a lake too, and not pinned
  bool sendable = false;        // bodies of ours wait for a lake that is room for them
  bool evicting = false;        // above the high watermark, and not known to be stuck there
};

class BackPressure {
 public:
  explicit BackPressure(BackPressureOptions options) : options_(options) {}

  // From eviction, at each look. Logs when writes begin to be refused, and when they are taken
  // again.
  void Look(const RoomFacts& facts);

  // Why a container with so many bytes in its log takes no more, for people; empty: it does.
  std::string WhyHeld(std::uint64_t unsent) const;
  // The same of a container whose lake is room for it.
  std::string WhyOverflowHeld() const;
  // True where one of them may say something: most writes ask no more than this.
  bool may_hold() const { return held() || options_.container_limit > 0; }
  // What a client hears that is refused for it. `wait`: until the lake is asked again, when it is
  // out of reach. Counts.
  Error Refusal(std::string why, std::chrono::milliseconds wait);

  // The disks had no room for bytes of a container with so many in its log: why there will be some,
  // for people. Empty: not because of lakes. `sendable`: RoomFacts, as of now.
  std::string WhyNoRoom(std::uint64_t unsent, bool sendable = false) const;

  // Writes are refused because the disks are full of what waits.
  bool held() const { return unsent_held_ || overflow_held_; }
  std::uint64_t unsent() const { return unsent_; }
  std::uint64_t refused() const { return refused_; }

 private:
  RoomFacts facts() const;
  static void Hold(std::atomic<bool>& is, bool held, const RoomFacts& facts,
                   std::string_view begins, std::string_view ends);

  const BackPressureOptions options_;
  mutable std::mutex mutex_;
  RoomFacts facts_;
  std::atomic<bool> unsent_held_{false}, overflow_held_{false};
  std::atomic<std::uint64_t> unsent_{0}, refused_{0};
};

}  // namespace forebay::tier
