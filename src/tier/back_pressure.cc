#include "tier/back_pressure.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/units.h"

namespace forebay::tier {
namespace {

using namespace std::chrono_literals;

// Eviction looks every two seconds; a lake that is out of reach is not back sooner than its breaker
// asks.
constexpr std::chrono::milliseconds kComeBack = 2s;
constexpr std::chrono::milliseconds kLongestWait = 30s;

constexpr const char* kSafe =
    " They are safe here, and writes go on by themselves when the lake has more of them; reads and "
    "deletes do all the time.";

constexpr const char* kOverflows =
    "The disks are full, and bodies of containers that overflow into a lake are being sent there; "
    "writes go on by themselves when there is room.";

std::uint64_t Share(std::uint64_t whole, unsigned percent) {
  return whole / 100 * percent + whole % 100 * percent / 100;
}

}  // namespace

RoomFacts BackPressure::facts() const {
  std::lock_guard lock(mutex_);
  return facts_;
}

void BackPressure::Look(const RoomFacts& facts) {
  const std::uint64_t mark = Share(facts.capacity, options_.percent);
  const bool above = facts.capacity > 0 && facts.used > mark;
  {
    std::lock_guard lock(mutex_);
    facts_ = facts;
  }
  unsent_ = facts.unsent;
  // But for what waits, the disks would be below the mark.
  Hold(unsent_held_, above && facts.unsent >= facts.used - mark, facts,
       "the disks are full of bytes that their lakes do not have yet: writes to containers of "
       "lakes are answered 503 until some have travelled",
       "writes to containers of lakes are taken again");
  Hold(overflow_held_, above && facts.sendable, facts,
       "the disks are full, and bodies are being sent to lakes that are room: writes to such "
       "containers are answered 503 until some have travelled",
       "writes to containers whose lake is room are taken again");
}

void BackPressure::Hold(std::atomic<bool>& is, bool held, const RoomFacts& facts,
                        std::string_view begins, std::string_view ends) {
  if (is.exchange(held) == held) return;
  Log(held ? LogLevel::kWarn : LogLevel::kInfo, held ? begins : ends,
      {{"waiting_bytes", std::to_string(facts.unsent)},
       {"used_bytes", std::to_string(facts.used)},
       {"capacity_bytes", std::to_string(facts.capacity)}});
}

std::string BackPressure::WhyOverflowHeld() const { return overflow_held_ ? kOverflows : ""; }

std::string BackPressure::WhyHeld(std::uint64_t unsent) const {
  if (unsent_held_) {
    return "The disks are full of bytes that the lake does not have yet: " +
           FormatBytes(this->unsent()) + " wait." + kSafe;
  }
  const std::uint64_t limit = options_.container_limit;
  if (limit == 0 || unsent < limit) return {};
  return "As many bytes of the container wait for its lake as may (lake.backlog_limit): " +
         FormatBytes(unsent) + " of " + FormatBytes(limit) + "." + kSafe;
}

std::string BackPressure::WhyNoRoom(std::uint64_t unsent, bool sendable) const {
  const RoomFacts seen = facts();
  const std::uint64_t waiting = std::max(seen.unsent, unsent);
  // So little is no help to whoever needs room, and a write that will never fit must hear that.
  const std::uint64_t least = seen.capacity / 100;
  if (waiting > 0 && waiting >= least) {
    return "The disks are full, among others of bytes that the lake does not have yet: " +
           FormatBytes(waiting) + " wait." + kSafe;
  }
  if (sendable || seen.sendable) return kOverflows;
  if ((seen.evictable > 0 && seen.evictable >= least) || seen.evicting) {
    return "The disks are full; room is made at the moment by giving up what the lake has too.";
  }
  return {};
}

Error BackPressure::Refusal(std::string why, std::chrono::milliseconds wait) {
  ++refused_;
  return Error(Code::kServerBusy, std::move(why))
      .WithRetryAfter(std::clamp(wait, kComeBack, kLongestWait));
}

}  // namespace forebay::tier
