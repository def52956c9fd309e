// The threads that a mount works on: one io_context each.
//
// Coroutines are spawned on `Executor For(...)`; an inode's operations stay on one loop, which
// spares its data the trip between cores but is no promise of mutual exclusion. Any thread may
// spawn. Destroy everything that runs here first: a TaskGroup joins.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "async/task.h"
#include "vfs/types.h"

namespace forebay::vfs {

class Loops {
 public:
  explicit Loops(std::size_t threads);
  ~Loops();  // Stop
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  Executor For(InodeNumber inode) const;
  Executor Any() const;  // in turn
  std::size_t size() const { return loops_.size(); }
  Executor At(std::size_t index) const;  // below size()
  // Ends the threads once; what was posted and did not run never runs.
  void Stop();

 private:
  struct Loop;
  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace forebay::vfs
