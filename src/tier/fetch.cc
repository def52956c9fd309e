#include "tier/fetch.h"

#include <algorithm>

namespace forebay::tier {

// True when a reader of this offset need not wait any longer.
bool Fetch::ReadyLocked(std::uint64_t offset) const {
  return error_ || offset >= span_.end || offset < span_.start + readable_;
}

Task<> Fetch::WaitOpened(OpContext context) {
  auto event = std::make_shared<Event>();
  {
    std::lock_guard lock(mutex_);
    if (error_) co_return forebay::Fail(*error_);
    if (opened_ || span_.length() == 0) co_return Result<>{};
    waiters_.push_back({std::nullopt, event, false});
  }
  FB_CO_RETURN_IF_ERROR(co_await event->Wait(std::move(context)));
  std::lock_guard lock(mutex_);
  if (error_) co_return forebay::Fail(*error_);
  co_return Result<>{};
}

Task<std::optional<ByteView>> Fetch::Wait(OpContext context, std::uint64_t offset) {
  std::shared_ptr<Event> event;
  {
    std::lock_guard lock(mutex_);
    if (!ReadyLocked(offset)) {
      event = std::make_shared<Event>();
      waiters_.push_back({offset, event, false});
    }
  }
  if (event) FB_CO_RETURN_IF_ERROR(co_await event->Wait(std::move(context)));
  std::lock_guard lock(mutex_);
  // Bytes that were readable before it failed are good ones no longer: a checksum may have failed.
  if (error_) co_return forebay::Fail(*error_);
  if (offset >= span_.end) co_return std::nullopt;
  const std::uint64_t at = offset - span_.start;
  co_return ByteView(buffer_.bytes()).subspan(at, readable_ - at);
}

Task<bool> Fetch::WaitSettled(OpContext context) {
  std::shared_ptr<Event> event;
  {
    std::lock_guard lock(mutex_);
    if (!settled_) {
      event = std::make_shared<Event>();
      waiters_.push_back({std::nullopt, event, true});
    }
  }
  if (event) FB_CO_RETURN_IF_ERROR(co_await event->Wait(std::move(context)));
  std::lock_guard lock(mutex_);
  if (error_) co_return forebay::Fail(*error_);
  co_return stored_;
}

bool Fetch::settled() const {
  std::lock_guard lock(mutex_);
  return settled_;
}

Span Fetch::span() const {
  std::lock_guard lock(mutex_);
  return span_;
}

void Fetch::WakeLocked(std::vector<std::shared_ptr<Event>>& ready) {
  std::erase_if(waiters_, [&](Waiter& waiter) {
    bool is_ready = false;
    if (waiter.for_settled) {
      is_ready = settled_;
    } else if (waiter.offset) {
      is_ready = ReadyLocked(*waiter.offset);
    } else {
      is_ready = opened_ || error_ || span_.length() == 0;
    }
    if (!is_ready) return false;
    ready.push_back(std::move(waiter.event));
    return true;
  });
}

// Waiters are woken outside the lock: their executors may run them at once.
template <class Fn>
void Fetch::ChangeAndWake(Fn change) {
  std::vector<std::shared_ptr<Event>> ready;
  {
    std::lock_guard lock(mutex_);
    change();
    WakeLocked(ready);
  }
  for (const auto& event : ready) event->Set();
}

void Fetch::Shrink(std::uint64_t end) {
  ChangeAndWake([&] { span_.end = std::max(span_.start, std::min(span_.end, end)); });
}
void Fetch::Open(engine::BufferPool::Buffer buffer) {
  ChangeAndWake([&] {
    buffer_ = std::move(buffer);
    opened_ = true;
  });
}
void Fetch::Publish(std::uint64_t bytes) {
  ChangeAndWake([&] { readable_ = bytes; });
}
void Fetch::Fail(Error error) {
  ChangeAndWake([&] { error_ = std::move(error); });
}
void Fetch::NoteStored(Result<bool> stored) {
  std::lock_guard lock(mutex_);
  stored_ = std::move(stored);
}
void Fetch::Settle() {
  ChangeAndWake([&] { settled_ = true; });
}

}  // namespace forebay::tier
