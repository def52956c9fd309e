#include "async/task_group.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <mutex>
#include <optional>

#include "async/event.h"
#include "base/log.h"

namespace forebay {

namespace asio = boost::asio;

struct TaskGroup::State {
  std::mutex mutex;
  std::size_t running = 0;           // guarded by mutex
  std::optional<Error> first_error;  // guarded by mutex
  std::shared_ptr<Event> idle;       // guarded by mutex; set when running falls to 0
  std::stop_source stop;

  void Started() {
    std::lock_guard lock(mutex);
    if (running++ == 0) idle = std::make_shared<Event>();
  }
  void Ended() {
    std::shared_ptr<Event> wake;
    {
      std::lock_guard lock(mutex);
      if (--running == 0) wake = idle;
    }
    if (wake) wake->Set();
  }
  void Note(Error error) {
    std::lock_guard lock(mutex);
    if (!first_error) first_error = std::move(error);
  }
};

namespace {

// Counts one task until its frame is gone, however it goes.
template <class State>
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<State> state) : state_(std::move(state)) { state_->Started(); }
  ~Ticket() {
    if (state_) state_->Ended();
  }
  Ticket(Ticket&& other) noexcept : state_(std::move(other.state_)) {}
  Ticket& operator=(Ticket&&) = delete;
  State& state() const { return *state_; }

 private:
  std::shared_ptr<State> state_;
};

// `ticket` comes first: parameters die last to first, so the task is gone when the group hears of
// it.
template <class State>
asio::awaitable<void> RunVoid([[maybe_unused]] Ticket<State> ticket, asio::awaitable<void> task) {
  co_await std::move(task);
}

template <class State>
asio::awaitable<void> RunTask(Ticket<State> ticket, Task<> task) {
  Result<> result = co_await std::move(task);
  if (!result) ticket.state().Note(std::move(result.error()));
}

void PanicOnException(std::exception_ptr thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    Panic(std::string("an exception left a task: ") + e.what());
  } catch (...) {
    Panic("an exception left a task");
  }
}

}  // namespace

TaskGroup::TaskGroup(Executor executor)
    : executor_(std::move(executor)), state_(std::make_shared<State>()) {}

TaskGroup::~TaskGroup() {
  if (running() != 0) Panic("a task group was destroyed while its tasks run; Join it first");
}

void TaskGroup::Spawn(asio::awaitable<void> task) { Spawn(executor_, std::move(task)); }
void TaskGroup::Spawn(Task<> task) { Spawn(executor_, std::move(task)); }

void TaskGroup::Spawn(Executor executor, asio::awaitable<void> task) {
  asio::co_spawn(executor, RunVoid(Ticket<State>(state_), std::move(task)), PanicOnException);
}

void TaskGroup::Spawn(Executor executor, Task<> task) {
  asio::co_spawn(executor, RunTask(Ticket<State>(state_), std::move(task)), PanicOnException);
}

Task<> TaskGroup::Join() {
  for (;;) {
    std::shared_ptr<Event> idle;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->running == 0) {
        if (state_->first_error) co_return Fail(*state_->first_error);
        co_return Result<>();
      }
      idle = state_->idle;
    }
    // Only an Asio cancellation can end this wait early; the tasks are still ours then: wait again.
    (void)co_await idle->Wait();
  }
}

void TaskGroup::Cancel() { state_->stop.request_stop(); }
std::stop_token TaskGroup::token() const { return state_->stop.get_token(); }

std::size_t TaskGroup::running() const {
  std::lock_guard lock(state_->mutex);
  return state_->running;
}

}  // namespace forebay
