// A counted semaphore for coroutines, first come first served: memory budgets, bounds on
// concurrency.
//
// Everything is thread safe; Acquire runs on any single-threaded executor or strand. A large
// request at the head is not overtaken by small ones behind it, so it cannot starve. Permits may
// outlive the semaphore.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "async/context.h"
#include "async/task.h"

namespace forebay {

namespace internal {
class SemaphoreCore;
}

// Gives its units back when it dies. Movable; one thread at a time.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : core_(std::move(other.core_)), units_(std::exchange(other.units_, 0)) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { Release(); }

  void Release();
  // Gives some units back early; `units` at most units().
  void ReleaseSome(std::size_t units);
  std::size_t units() const { return units_; }

 private:
  friend class Semaphore;
  Permit(std::shared_ptr<internal::SemaphoreCore> core, std::size_t units)
      : core_(std::move(core)), units_(units) {}
  std::shared_ptr<internal::SemaphoreCore> core_;
  std::size_t units_ = 0;
};

class Semaphore {
 public:
  explicit Semaphore(std::size_t units);
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Waits its turn. kLimitExceeded at once for more than the semaphore will ever have;
  // kDeadlineExceeded or kCancelled when the context ends the wait. A permit granted in that same
  // moment is returned, not lost.
  Task<Permit> Acquire(std::size_t units, OpContext context = {});

  // nullopt when the units are not free, or others wait already.
  std::optional<Permit> TryAcquire(std::size_t units);

  std::size_t available() const;
  std::size_t waiting() const;

 private:
  std::shared_ptr<internal::SemaphoreCore> core_;
};

}  // namespace forebay
