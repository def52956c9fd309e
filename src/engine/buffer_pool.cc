#include "engine/buffer_pool.h"

#include <utility>

namespace forebay::engine {
namespace {

constexpr std::size_t kTiny = 64 << 10;
constexpr std::size_t kMaxIdleLarge = 4;

}  // namespace

BufferPool::BufferPool(std::size_t budget) : budget_(std::max(budget, kLarge)) {}
BufferPool::~BufferPool() = default;

BufferPool::Buffer::~Buffer() {
  if (pool_ != nullptr && size_ == kLarge) pool_->Recycle(std::move(memory_));
}

void BufferPool::Buffer::Swap(Buffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(permit_, other.permit_);
}

Task<BufferPool::Buffer> BufferPool::Acquire(OpContext context, std::size_t wanted) {
  std::size_t size = kTiny;
  if (wanted > kTiny) size = wanted > kSmall ? kLarge : kSmall;
  if (auto permit = budget_.TryAcquire(size)) co_return Make(size, std::move(*permit));
  size = std::min(size, kSmall);
  FB_CO_ASSIGN_OR_RETURN(Permit permit, co_await budget_.Acquire(size, context));
  co_return Make(size, std::move(permit));
}

BufferPool::Buffer BufferPool::Make(std::size_t size, Permit permit) {
  Buffer buffer;
  buffer.pool_ = this;
  buffer.size_ = size;
  buffer.permit_ = std::move(permit);
  if (size == kLarge) {
    std::lock_guard lock(mutex_);
    if (!idle_large_.empty()) {
      buffer.memory_ = std::move(idle_large_.back());
      idle_large_.pop_back();
    }
  }
  if (!buffer.memory_) buffer.memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
  return buffer;
}

void BufferPool::Recycle(std::unique_ptr<std::byte[]> memory) {
  std::lock_guard lock(mutex_);
  if (idle_large_.size() < kMaxIdleLarge) idle_large_.push_back(std::move(memory));
}

void BufferPool::Trim() {
  std::vector<std::unique_ptr<std::byte[]>> drop;
  std::lock_guard lock(mutex_);
  drop.swap(idle_large_);
}

}  // namespace forebay::engine
