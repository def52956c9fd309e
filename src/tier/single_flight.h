// One look at the lake for all who ask for the same thing at the same time.
//
// Thread safe. The first caller does the work; the others wait for its answer within their own
// context. When the first is cancelled or runs out of time, the next one does it anew, so nobody
// fails for another's haste.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "async/context.h"
#include "async/event.h"
#include "async/task.h"

namespace forebay::tier {

class SingleFlight {
 public:
  // `work` is a Task<> that is started only by whoever does it.
  template <class MakeTask>
  Task<> Run(OpContext context, std::string key, MakeTask make);

 private:
  struct Flight {
    Event landed;
    Result<> outcome;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Flight>> flights_;
};

template <class MakeTask>
Task<> SingleFlight::Run(OpContext context, std::string key, MakeTask make) {
  while (true) {
    std::shared_ptr<Flight> flight;
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      auto& slot = flights_[key];
      if (!slot) {
        slot = std::make_shared<Flight>();
        first = true;
      }
      flight = slot;
    }
    if (first) {
      flight->outcome = co_await make();
      {
        std::lock_guard lock(mutex_);
        flights_.erase(key);
      }
      flight->landed.Set();
      co_return flight->outcome;
    }
    FB_CO_RETURN_IF_ERROR(co_await flight->landed.Wait(context));
    const bool hasty =
        !flight->outcome && (flight->outcome.error().code() == Code::kCancelled ||
                             flight->outcome.error().code() == Code::kDeadlineExceeded);
    if (!hasty) co_return flight->outcome;
  }
}

}  // namespace forebay::tier
