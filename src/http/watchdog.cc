#include "http/watchdog.h"

#include <algorithm>

namespace forebay::http {

std::shared_ptr<Watchdog> Watchdog::Watch(Executor executor, Transport& transport,
                                          const OpContext& context, SteadyTime deadline,
                                          std::chrono::milliseconds stall) {
  std::shared_ptr<Watchdog> made(
      new Watchdog(std::move(executor), transport, std::min(deadline, context.deadline), stall));
  made->on_stop_.emplace(context.cancel, OnStop{made.get()});
  const std::lock_guard lock(made->mutex_);
  made->Arm();
  return made;
}

Watchdog::Watchdog(Executor executor, Transport& transport, SteadyTime deadline,
                   std::chrono::milliseconds stall)
    : transport_(&transport),
      deadline_(deadline),
      stall_(stall),
      timer_(std::move(executor)),
      seen_bytes_(transport.received() + transport.sent()),
      moved_at_(std::chrono::steady_clock::now()) {}

void Watchdog::Stop() {
  // Outside the lock: it waits for a callback that runs, and that takes the lock.
  on_stop_.reset();
  const std::lock_guard lock(mutex_);
  transport_ = nullptr;
  timer_.cancel();
}

void Watchdog::Cancel() {
  const std::lock_guard lock(mutex_);
  if (transport_ != nullptr) transport_->Abort(Transport::AbortReason::kCancelled);
}

void Watchdog::Arm() {
  // A stall is noticed at most a quarter late.
  const auto step = std::max<std::chrono::milliseconds>(stall_ / 4, std::chrono::milliseconds(10));
  timer_.expires_at(std::min(deadline_, std::chrono::steady_clock::now() + step));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->Check();
  });
}

void Watchdog::Check() {
  const std::lock_guard lock(mutex_);
  if (transport_ == nullptr) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::uint64_t bytes = transport_->received() + transport_->sent();
  if (bytes != seen_bytes_ || transport_->waiting() == Transport::Waiting::kNo) {
    seen_bytes_ = bytes;
    moved_at_ = now;
  }
  if (now >= deadline_ || now - moved_at_ >= stall_) {
    transport_->Abort(Transport::AbortReason::kTooSlow);
    return;
  }
  Arm();
}

}  // namespace forebay::http
