// Structured concurrency: whatever is spawned is joined.
//
//   TaskGroup group(executor);
//   group.Spawn(Upload(block, group.token()));
//   FB_CO_RETURN_IF_ERROR(co_await group.Join());
//
// Spawn, Cancel and running are thread safe; a running task may spawn more. Destroying a group
// whose tasks still run is a bug and ends the process, since they refer to what is being destroyed.
// An exception that leaves a task ends the process too: errors are values here.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>

#include "async/task.h"

namespace forebay {

class TaskGroup {
 public:
  explicit TaskGroup(Executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts the task on the group's executor, or on one given (a connection stays on its core).
  void Spawn(boost::asio::awaitable<void> task);
  void Spawn(Task<> task);
  void Spawn(Executor executor, boost::asio::awaitable<void> task);
  void Spawn(Executor executor, Task<> task);

  // Waits for all tasks, also those spawned meanwhile; returns the first error that a Task<> ended
  // in. Never gives up early: not on an error (call Cancel from the task for that), not when
  // cancelled.
  Task<> Join();

  // Asks the tasks to stop through token(), which they pass on in their OpContext. Does not wait.
  void Cancel();
  std::stop_token token() const;
  std::size_t running() const;

 private:
  struct State;
  Executor executor_;
  std::shared_ptr<State> state_;
};

}  // namespace forebay
