#include "async/context.h"

namespace forebay {

Result<> OpContext::Check() const {
  if (cancel.stop_requested()) {
    return Fail(Code::kCancelled,
                "The operation was cancelled: its client left or the server drains.");
  }
  if (deadline != SteadyTime::max() && Clock::System().SteadyNow() >= deadline) {
    return Fail(Code::kDeadlineExceeded, "The operation did not finish within its time limit.");
  }
  return {};
}

}  // namespace forebay
