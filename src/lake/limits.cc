#include "lake/limits.h"

#include <algorithm>

#include "async/sleep.h"

namespace forebay::lake {

namespace {
constexpr std::chrono::milliseconds kSavedUp{100};
// How often one who waits through a pause looks whether it is over.
constexpr std::chrono::milliseconds kPauseLook{200};
}  // namespace

void TokenBucket::SetRate(std::uint64_t bytes_per_second) {
  const std::lock_guard lock(mutex_);
  rate_ = bytes_per_second;
  // What was promised at another rate must not hold up this one.
  free_at_ = std::min(free_at_, std::chrono::steady_clock::now());
}

bool TokenBucket::limited() const {
  const std::lock_guard lock(mutex_);
  return rate_ > 0;
}

bool TokenBucket::paused() const {
  const std::lock_guard lock(mutex_);
  return rate_ == kPaused;
}

std::chrono::nanoseconds TokenBucket::Reserve(std::uint64_t bytes, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (rate_ == 0) return std::chrono::nanoseconds(0);
  const SteadyTime start = std::max(free_at_, now - kSavedUp);
  const double seconds = static_cast<double>(bytes) / static_cast<double>(rate_);
  free_at_ = start + std::chrono::duration_cast<std::chrono::nanoseconds>(
                         std::chrono::duration<double>(seconds));
  return std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(free_at_ - now));
}

Task<> TokenBucket::Take(std::uint64_t bytes, OpContext context) {
  while (paused()) FB_CO_RETURN_IF_ERROR(co_await SleepFor(kPauseLook, context));
  const auto pause = Reserve(bytes, std::chrono::steady_clock::now());
  if (pause.count() == 0) co_return Result<>();
  co_return co_await SleepFor(pause, std::move(context));
}

}  // namespace forebay::lake
