// Knows whether a lake is in reach, so that nobody waits for one that is not.
//
// One per lake. Closed: requests go out, and failures that mean *unreachable* are counted; after
// `failures_to_open` in a row, or when every request for `silence_to_open` failed, it opens. Open:
// TryBegin refuses at once with kOffline and the time until the next probe (503 and Retry-After for
// a client); that time doubles from `first_pause` to `longest_pause`, with jitter, so that a site's
// many servers do not probe in step. When it has passed, one request is let through as a probe
// (half-open): if the lake answers it, whatever it answers, the breaker closes; else it stays open
// for longer. A probe that never reports is given up after `probe_timeout`, and another may go.
//
// Closed, a request that hangs says nothing for a long time. Whoever sends one for a waiting reader
// bounds the wait for its first byte by `first_byte_patience` and reports Unreachable after it;
// then the first readers of an absent range wait that long, and all others not at all.
//
// Thread safe: a mutex inside, held for a few instructions. Time is the caller's (SteadyTime), and
// so are the seeds: deterministic under test.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::tier {

struct CircuitBreakerOptions {
  std::uint32_t failures_to_open = 3;                // in a row, no success between
  std::chrono::milliseconds silence_to_open{1'000};  // or failing only, for so long (two at least)
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds probe_timeout{10'000};
  std::chrono::milliseconds first_byte_patience{900};  // below the second that a reader may wait
  double jitter = 0.2;  // a pause is shortened or lengthened by up to this share
};

enum class CircuitState : std::uint8_t { kClosed, kHalfOpen, kOpen };

// What a request got when it began, and gives back when it ends.
struct CircuitTicket {
  std::uint64_t generation = 0;
  bool probe = false;
};

class CircuitBreaker {
 public:
  explicit CircuitBreaker(const CircuitBreakerOptions& options, std::uint64_t seed);

  // Before each request to the lake. kOffline, with retry_after, where it should not be sent.
  Result<CircuitTicket> TryBegin(SteadyTime now);

  // After it: the lake answered (also 404, 409, 412: it is there), or it could not be reached
  // (connect, resolve, TLS, time-out, 5xx without end), or nobody can tell (the reader went away).
  // A ticket from before the last opening or closing tells nothing about now and is ignored.
  void Answered(const CircuitTicket& ticket, SteadyTime now);
  void Unreachable(const CircuitTicket& ticket, SteadyTime now);
  void Abandoned(const CircuitTicket& ticket, SteadyTime now);

  // The operator says so (`lake attach`, a changed address): closed, as new.
  void Reset();

  CircuitState state(SteadyTime now) const;
  bool open(SteadyTime now) const { return state(now) == CircuitState::kOpen; }
  // How long until a probe may go; zero where one may now.
  std::chrono::milliseconds RetryAfter(SteadyTime now) const;
  // Since when the lake has been out of reach.
  std::optional<SteadyTime> open_since() const;

 private:
  void Open(SteadyTime now);
  void Close();
  std::chrono::milliseconds NextPause();
  std::chrono::milliseconds RetryAfterLocked(SteadyTime now) const;

  const CircuitBreakerOptions options_;
  mutable std::mutex mutex_;
  std::uint64_t random_;
  std::uint64_t generation_ = 1;
  bool closed_ = true;
  std::uint32_t failures_ = 0;  // in a row
  SteadyTime first_failure_;    // of those
  SteadyTime opened_;
  SteadyTime next_probe_;
  std::chrono::milliseconds pause_{0};  // the last one, before jitter
  std::optional<SteadyTime> probing_since_;
};

}  // namespace forebay::tier
