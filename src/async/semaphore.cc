#include "async/semaphore.h"

#include <algorithm>
#include <list>
#include <mutex>

#include "async/event.h"
#include "base/log.h"

namespace forebay {
namespace internal {

struct SemaphoreWaiter {
  std::size_t units = 0;
  bool granted = false;  // guarded by the core's mutex
  Event event;
};

class SemaphoreCore {
 public:
  explicit SemaphoreCore(std::size_t units) : capacity_(units), available_(units) {}

  bool TryTake(std::size_t units) {
    std::lock_guard lock(mutex_);
    return TryTakeLocked(units);
  }
  // True when the units were free; otherwise the waiter is in the queue.
  bool TakeOrQueue(const std::shared_ptr<SemaphoreWaiter>& waiter) {
    std::lock_guard lock(mutex_);
    if (TryTakeLocked(waiter->units)) {
      waiter->granted = true;
      return true;
    }
    queue_.push_back(waiter);
    return false;
  }
  // Takes the waiter out of the queue; true when it had been granted already.
  bool Leave(const std::shared_ptr<SemaphoreWaiter>& waiter) {
    std::lock_guard lock(mutex_);
    if (waiter->granted) return true;
    std::erase(queue_, waiter);
    GrantLocked();  // it may have held up smaller ones
    return false;
  }
  void Give(std::size_t units) {
    std::lock_guard lock(mutex_);
    available_ += units;
    if (available_ > capacity_) Panic("a semaphore got more back than it gave");
    GrantLocked();
  }
  std::size_t capacity() const { return capacity_; }
  std::size_t available() const {
    std::lock_guard lock(mutex_);
    return available_;
  }
  std::size_t waiting() const {
    std::lock_guard lock(mutex_);
    return queue_.size();
  }

 private:
  bool TryTakeLocked(std::size_t units) {
    if (!queue_.empty() || units > available_) return false;
    available_ -= units;
    return true;
  }
  void GrantLocked() {
    while (!queue_.empty() && queue_.front()->units <= available_) {
      auto waiter = std::move(queue_.front());
      queue_.pop_front();
      available_ -= waiter->units;
      waiter->granted = true;
      waiter->event.Set();
    }
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::size_t available_;                              // guarded by mutex_
  std::list<std::shared_ptr<SemaphoreWaiter>> queue_;  // guarded by mutex_
};

namespace {

// Leaves the queue, or gives the grant back, when the coroutine is destroyed in its wait.
class Place {
 public:
  Place(std::shared_ptr<SemaphoreCore> core, std::shared_ptr<SemaphoreWaiter> waiter)
      : core_(std::move(core)), waiter_(std::move(waiter)) {}
  ~Place() {
    if (!left_ && Leave()) core_->Give(waiter_->units);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool Leave() {
    left_ = true;
    return core_->Leave(waiter_);
  }

 private:
  std::shared_ptr<SemaphoreCore> core_;
  std::shared_ptr<SemaphoreWaiter> waiter_;
  bool left_ = false;
};

}  // namespace
}  // namespace internal

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    Release();
    core_ = std::move(other.core_);
    units_ = std::exchange(other.units_, 0);
  }
  return *this;
}

void Permit::Release() {
  if (core_ && units_ != 0) core_->Give(units_);
  core_.reset();
  units_ = 0;
}

void Permit::ReleaseSome(std::size_t units) {
  if (units > units_) Panic("a permit cannot give back more than it holds");
  if (units == 0) return;
  core_->Give(units);
  units_ -= units;
}

Semaphore::Semaphore(std::size_t units) : core_(std::make_shared<internal::SemaphoreCore>(units)) {}
Semaphore::~Semaphore() = default;

Task<Permit> Semaphore::Acquire(std::size_t units, OpContext context) {
  auto core = core_;
  if (units > core->capacity()) {
    co_return Fail(Code::kLimitExceeded, "The request needs more than the whole budget of " +
                                             std::to_string(core->capacity()) + ".");
  }
  auto waiter = std::make_shared<internal::SemaphoreWaiter>();
  waiter->units = units;
  if (core->TakeOrQueue(waiter)) co_return Permit(core, units);
  internal::Place place(core, waiter);
  Result<> woken = co_await waiter->event.Wait(std::move(context));
  if (place.Leave()) co_return Permit(core, units);
  co_return Fail(std::move(woken.error()));
}

std::optional<Permit> Semaphore::TryAcquire(std::size_t units) {
  if (!core_->TryTake(units)) return std::nullopt;
  return Permit(core_, units);
}

std::size_t Semaphore::available() const { return core_->available(); }
std::size_t Semaphore::waiting() const { return core_->waiting(); }

}  // namespace forebay
