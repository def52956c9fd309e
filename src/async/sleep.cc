#include "async/sleep.h"

#include <algorithm>

#include "async/event.h"

namespace forebay {

Task<> SleepFor(std::chrono::nanoseconds duration, OpContext context) {
  SteadyTime now = Clock::System().SteadyNow();
  bool endless = duration >= SteadyTime::max() - now;
  co_return co_await SleepUntil(endless ? SteadyTime::max() : now + duration, std::move(context));
}

Task<> SleepUntil(SteadyTime until, OpContext context) {
  OpContext bounded = context;
  bounded.deadline = std::min(until, context.deadline);
  Event never;
  Result<> woken = co_await never.Wait(bounded);
  // The event is never set: what woke us is our own time, the caller's deadline or a cancellation.
  if (until <= context.deadline && !woken && woken.error().code() == Code::kDeadlineExceeded) {
    co_return Result<>();
  }
  co_return woken;
}

}  // namespace forebay
