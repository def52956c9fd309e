// Threads of tier/'s own: what goes on when the request that began it has ended (fetches being
// stored, jobs) runs here, never on a connection's loop.
//
// Spawn is thread safe; each task stays on one thread. Stop cancels, waits for every task, and ends
// the threads; it comes before the destruction of whatever the tasks refer to.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>

#include "async/task.h"

namespace forebay::tier {

class WorkerLoop {
 public:
  explicit WorkerLoop(std::size_t threads);
  ~WorkerLoop();  // stops

  // False once it stops: the task was not started.
  bool Spawn(Task<> task);
  // For what a task spreads over the threads and joins before it ends.
  Executor Next();
  // For the OpContext of tasks.
  std::stop_token token() const;
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::tier
