// Which requests of the kernel are being worked on, and the signals that their callers got.
//
// A blocking lock must end when its caller is interrupted. Anything else is finished first:
// programs that use signals a lot (Go's scheduler does) must not see a close or a read fail for it.
// But what waits longer than kPatience, for a server that is away, gives way to a signal too, so
// that nobody stays stuck in the kernel.
//
// Thread safe. Entries are found by number, never by address: libfuse may tell of an interruption
// while the answer is on its way.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <unordered_map>

#include "base/clock.h"

namespace forebay::fuse {

class Interrupts {
 public:
  static constexpr std::chrono::seconds kPatience{5};

  enum class When : std::uint8_t { kAtOnce, kWhenStuck };
  struct Ticket {
    std::uint64_t number = 0;
    std::stop_token token;
  };
  Ticket Begin(When when);
  void End(std::uint64_t number);
  // Its caller got a signal.
  void Interrupt(std::uint64_t number);
  // Stops those that were interrupted and have waited too long. Call it about once a second.
  void Sweep(SteadyTime now);
  // Stops everything, now and from now on: the mount ends.
  void StopAll();
  std::size_t size() const;

 private:
  struct Entry {
    std::stop_source stop;
    SteadyTime since;
    When when = When::kWhenStuck;
    bool interrupted = false;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Entry> entries_;  // guarded by mutex_
  std::uint64_t next_ = 1;                            // guarded by mutex_
  std::size_t interrupted_ = 0;                       // guarded by mutex_
  bool stopped_ = false;                              // guarded by mutex_
};

}  // namespace forebay::fuse
