// How much of the link one lake may use: bytes a second and transfers at a time, up and down apart.
//
// Thread safe; limits can be changed while transfers run (a schedule by time of day does).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"

namespace forebay::lake {

// Bytes at a steady rate, with at most a tenth of a second saved up. First come, first served.
class TokenBucket {
 public:
  // Stands still until another rate is set.
  static constexpr std::uint64_t kPaused = ~std::uint64_t{0};

  // 0: no limit.
  void SetRate(std::uint64_t bytes_per_second);
  bool limited() const;
  bool paused() const;
  // Waits until `bytes` may pass. kDeadlineExceeded, kCancelled; the bytes are spent all the same.
  Task<> Take(std::uint64_t bytes, OpContext context);
  // The pause that Take would make now; spends the bytes.
  std::chrono::nanoseconds Reserve(std::uint64_t bytes, SteadyTime now);

 private:
  mutable std::mutex mutex_;
  std::uint64_t rate_ = 0;
  SteadyTime free_at_{};  // when what was let through so far has passed
};

struct TransferLimits {
  std::uint64_t up_bytes_per_second = 0;  // 0: no limit; TokenBucket::kPaused
  std::uint64_t down_bytes_per_second = 0;
  friend bool operator==(const TransferLimits&, const TransferLimits&) = default;
};

// One lake's share of the link, both directions.
class LinkShare {
 public:
  LinkShare(std::size_t concurrent_up, std::size_t concurrent_down)
      : up_slots(concurrent_up), down_slots(concurrent_down) {}
  void Set(const TransferLimits& limits) {
    up.SetRate(limits.up_bytes_per_second);
    down.SetRate(limits.down_bytes_per_second);
  }

  TokenBucket up, down;
  Semaphore up_slots;    // held for the time of a request that sends a body
  Semaphore down_slots;  // held until the body of a Get is read or dropped
};

}  // namespace forebay::lake
