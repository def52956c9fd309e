// What travels with every operation, down to the disk and the lake: who asked, until when, and
// whether they still want it. A small value; copy it. Thread safe to read.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace forebay {

struct OpContext {
  std::string request_id;  // x-ms-request-id, a UUID
  SteadyTime deadline = SteadyTime::max();
  std::stop_token cancel;  // requested when the client left or the server drains

  // kDeadlineExceeded or kCancelled once either holds; otherwise success. Call it between steps of
  // long work.
  Result<> Check() const;
};

}  // namespace forebay
