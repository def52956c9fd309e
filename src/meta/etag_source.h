// Entity tags: numbers that grow with every change made by this process, and differ between
// processes and restarts even when the wall clock steps back. Thread safe.
#pragma once

#include <atomic>

#include "base/clock.h"
#include "meta/records.h"

namespace forebay::meta {

class ETagSource {
 public:
  explicit ETagSource(Clock& clock);
  // Seven bytes of 100 ns time (made to grow strictly) over one random byte of this process.
  ETagNumber Next();

 private:
  Clock& clock_;
  std::atomic<std::int64_t> last_ticks_{0};
  const std::uint64_t process_;
};

}  // namespace forebay::meta
