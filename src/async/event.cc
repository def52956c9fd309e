#include "async/event.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <stop_token>
#include <vector>

namespace forebay {

namespace asio = boost::asio;

namespace {

// A wait is a timer, so that its handler belongs to the io_context and dies with it; waking up is
// cancelling the timer on its own executor.
using Timer = std::shared_ptr<asio::steady_timer>;

void Wake(const Timer& timer) {
  asio::post(timer->get_executor(), [timer] { timer->cancel(); });
}

}  // namespace

struct Event::State {
  std::mutex mutex;
  bool set = false;           // guarded by mutex
  std::vector<Timer> timers;  // guarded by mutex

  bool Enter(const Timer& timer) {
    std::lock_guard lock(mutex);
    if (set) return false;
    timers.push_back(timer);
    return true;
  }
  void Leave(const Timer& timer) {
    std::lock_guard lock(mutex);
    std::erase(timers, timer);
  }
};

namespace {

// Leaves also when the coroutine is destroyed in its wait, with its io_context.
template <class State>
class Presence {
 public:
  Presence(std::shared_ptr<State> state, Timer timer)
      : state_(std::move(state)), timer_(std::move(timer)), entered_(state_->Enter(timer_)) {}
  ~Presence() {
    if (entered_) state_->Leave(timer_);
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  bool entered() const { return entered_; }

 private:
  std::shared_ptr<State> state_;
  Timer timer_;
  bool entered_;
};

struct WakeOnStop {
  Timer timer;
  void operator()() const { Wake(timer); }
};

}  // namespace

Event::Event() : state_(std::make_shared<State>()) {}
Event::~Event() = default;

void Event::Set() {
  std::lock_guard lock(state_->mutex);
  if (state_->set) return;
  state_->set = true;
  // Posting under the lock: a waiter that leaves cannot pull its executor away meanwhile.
  for (const Timer& timer : state_->timers) Wake(timer);
}

bool Event::IsSet() const {
  std::lock_guard lock(state_->mutex);
  return state_->set;
}

Task<> Event::Wait(OpContext context) {
  if (IsSet()) co_return Result<>();
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto state = state_;
  auto executor = co_await asio::this_coro::executor;
  auto timer = std::make_shared<asio::steady_timer>(executor, context.deadline);
  Presence<State> presence(state, timer);
  if (!presence.entered()) co_return Result<>();
  // Wakes are posted to this executor, so none can run before the wait below has begun.
  std::stop_callback<WakeOnStop> on_stop(context.cancel, WakeOnStop{timer});
  (void)co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  {
    std::lock_guard lock(state->mutex);
    if (state->set) co_return Result<>();
  }
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return Fail(Code::kCancelled, "The wait was cancelled.");
}

}  // namespace forebay
