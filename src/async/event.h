// A one-shot event: nobody passes until it is set, everybody after.
//
// Set and IsSet from any thread. Wait from any coroutine whose executor is single-threaded or a
// strand (as all of ours are), from any number of them. The event may be destroyed while waits are
// pending only if they can no longer be reached; keep it in something that outlives them.
#pragma once

#include <memory>

#include "async/context.h"
#include "async/task.h"

namespace forebay {

class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Set();
  bool IsSet() const;

  // Success once set, also when it became set in the same moment as the deadline or the
  // cancellation; otherwise kDeadlineExceeded or kCancelled. An Asio cancellation signal counts as
  // kCancelled.
  Task<> Wait(OpContext context = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace forebay
