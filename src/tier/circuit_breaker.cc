#include "tier/circuit_breaker.h"

#include <algorithm>

namespace forebay::tier {
namespace {

using std::chrono::milliseconds;

}  // namespace

CircuitBreaker::CircuitBreaker(const CircuitBreakerOptions& options, std::uint64_t seed)
    : options_(options), random_(seed) {}

Result<CircuitTicket> CircuitBreaker::TryBegin(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (closed_) return CircuitTicket{generation_, false};
  const milliseconds wait = RetryAfterLocked(now);
  if (wait > milliseconds(0)) {
    return Fail(Error(Code::kOffline, "The lake is out of reach; it is tried again by itself.")
                    .WithRetryAfter(wait));
  }
  // A probe that hangs loses its ticket to the next one.
  ++generation_;
  probing_since_ = now;
  return CircuitTicket{generation_, true};
}

void CircuitBreaker::Answered(const CircuitTicket& ticket, SteadyTime) {
  const std::lock_guard lock(mutex_);
  if (ticket.generation != generation_) return;
  if (closed_) {
    failures_ = 0;
  } else {
    Close();
  }
}

void CircuitBreaker::Unreachable(const CircuitTicket& ticket, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (ticket.generation != generation_) return;
  if (!closed_) {
    probing_since_.reset();
    next_probe_ = now + NextPause();
    ++generation_;
    return;
  }
  if (failures_++ == 0) first_failure_ = now;
  const bool silent = failures_ >= 2 && now - first_failure_ >= options_.silence_to_open;
  if (failures_ >= options_.failures_to_open || silent) Open(now);
}

void CircuitBreaker::Abandoned(const CircuitTicket& ticket, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (ticket.generation != generation_ || closed_) return;
  // Nothing was learned: the next request probes at once.
  probing_since_.reset();
  next_probe_ = now;
  ++generation_;
}

void CircuitBreaker::Reset() {
  const std::lock_guard lock(mutex_);
  Close();
}

CircuitState CircuitBreaker::state(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  if (closed_) return CircuitState::kClosed;
  const bool probing = probing_since_ && now - *probing_since_ < options_.probe_timeout;
  return probing ? CircuitState::kHalfOpen : CircuitState::kOpen;
}

milliseconds CircuitBreaker::RetryAfter(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  return closed_ ? milliseconds(0) : RetryAfterLocked(now);
}

std::optional<SteadyTime> CircuitBreaker::open_since() const {
  const std::lock_guard lock(mutex_);
  if (closed_) return std::nullopt;
  return opened_;
}

void CircuitBreaker::Open(SteadyTime now) {
  closed_ = false;
  opened_ = first_failure_;
  pause_ = milliseconds(0);
  probing_since_.reset();
  next_probe_ = now + NextPause();
  ++generation_;
}

void CircuitBreaker::Close() {
  closed_ = true;
  failures_ = 0;
  probing_since_.reset();
  ++generation_;
}

milliseconds CircuitBreaker::NextPause() {
  pause_ = pause_ == milliseconds(0) ? options_.first_pause
                                     : std::min(pause_ * 2, options_.longest_pause);
  // xorshift: enough to keep servers out of step.
  random_ |= 1;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const double unit = static_cast<double>(random_ >> 11) / static_cast<double>(1ULL << 53);
  const double factor = 1.0 + options_.jitter * (2.0 * unit - 1.0);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(pause_.count()) * factor));
}

// Rounded up: whoever comes back when he was told to is let through.
milliseconds CircuitBreaker::RetryAfterLocked(SteadyTime now) const {
  SteadyTime at = next_probe_;
  if (probing_since_) {
    at = *probing_since_ + options_.probe_timeout;
  }
  if (now >= at) return milliseconds(0);
  return std::chrono::ceil<milliseconds>(at - now);
}

}  // namespace forebay::tier
