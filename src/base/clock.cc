#include "base/clock.h"

namespace forebay {
namespace {

class SystemClock final : public Clock {
 public:
  WallTime Now() const override {
    auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count() / 100};
  }
  SteadyTime SteadyNow() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock* clock = new SystemClock;  // never destroyed: threads may outlive main
  return *clock;
}

}  // namespace forebay
