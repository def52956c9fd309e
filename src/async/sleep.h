// Sleeping that ends early when the operation does.
//
// From any coroutine whose executor is single-threaded or a strand. Real time (the steady clock).
#pragma once

#include <chrono>

#include "async/context.h"
#include "async/task.h"

namespace forebay {

// Success when the whole time has passed; kDeadlineExceeded as soon as the context's deadline comes
// first, kCancelled as soon as it is cancelled.
Task<> SleepFor(std::chrono::nanoseconds duration, OpContext context = {});
Task<> SleepUntil(SteadyTime until, OpContext context = {});

}  // namespace forebay
