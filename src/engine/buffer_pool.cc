#include "engine/buffer_pool.h"

#include <algorithm>
#include <utility>

namespace forebay::engine {
namespace {

constexpr std::size_t kMaxIdleLarge = 4;
// Fast clients give a buffer back within it; nobody is held up long by those that do not.
constexpr std::chrono::milliseconds kWaitForLarger{500};

std::size_t ClassOf(std::size_t wanted) {
  if (wanted <= BufferPool::kTiny) return BufferPool::kTiny;
  return wanted > BufferPool::kSmall ? BufferPool::kLarge : BufferPool::kSmall;
}
// 0: none is smaller.
std::size_t ClassBelow(std::size_t size) {
  if (size == BufferPool::kLarge) return BufferPool::kSmall;
  return size == BufferPool::kSmall ? BufferPool::kTiny : 0;
}
std::size_t LevelOf(std::size_t size) {
  if (size == BufferPool::kTiny) return 0;
  return size == BufferPool::kSmall ? 1 : 2;
}

std::size_t UploadBytes(std::size_t budget) { return budget / 3 * 2; }
std::size_t DownloadBytes(std::size_t budget) { return budget / 3; }

OpContext Within(OpContext context, std::chrono::milliseconds wait) {
  context.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + wait);
  return context;
}

}  // namespace

// Downloads need no large buffers, but many at a time: half of their share is for tiny ones.
BufferPool::BufferPool(std::size_t budget, std::chrono::milliseconds patience)
    : patience_(patience),
      uploads_(UploadBytes(std::max(budget, kLarge)), UploadBytes(std::max(budget, kLarge)) / 8 * 7,
               UploadBytes(std::max(budget, kLarge)) / 4 * 3),
      downloads_(DownloadBytes(std::max(budget, kLarge)),
                 DownloadBytes(std::max(budget, kLarge)) / 2,
                 DownloadBytes(std::max(budget, kLarge)) / 2) {}
BufferPool::~BufferPool() = default;

BufferPool::Buffer::~Buffer() {
  if (pool_ != nullptr && size_ == kLarge) pool_->Recycle(std::move(memory_));
}

void BufferPool::Buffer::Swap(Buffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(memory_, other.memory_);
  std::swap(size_, other.size_);
  std::swap(permits_, other.permits_);
}

std::optional<BufferPool::Buffer> BufferPool::TryMake(Share& share, std::size_t size) {
  std::array<Permit, 3> permits;
  // From the narrowest level down: who fails there has taken nothing from the others.
  for (std::size_t level = LevelOf(size) + 1; level-- > 0;) {
    auto permit = share.levels[level].TryAcquire(size);
    if (!permit) return std::nullopt;
    permits[level] = std::move(*permit);
  }
  return Make(size, std::move(permits));
}

std::optional<BufferPool::Buffer> BufferPool::TryDown(Share& share, std::size_t size,
                                                      std::size_t above) {
  for (; size > above; size = ClassBelow(size)) {
    if (auto buffer = TryMake(share, size)) return buffer;
  }
  return std::nullopt;
}

Task<BufferPool::Buffer> BufferPool::Acquire(OpContext context, Use use, std::size_t wanted) {
  Share& share = use == Use::kUpload ? uploads_ : downloads_;
  if (auto buffer = TryDown(share, ClassOf(wanted), 0)) co_return std::move(*buffer);
  std::array<Permit, 3> permits;
  FB_CO_ASSIGN_OR_RETURN(permits[0], co_await share.levels[0].Acquire(kTiny, context));
  co_return Make(kTiny, std::move(permits));
}

Task<BufferPool::Buffer> BufferPool::AcquireFirst(OpContext context) {
  auto buffer = co_await Acquire(Within(context, patience_), Use::kUpload, kTiny);
  if (buffer) co_return std::move(*buffer);
  FB_CO_RETURN_IF_ERROR(context.Check());  // the request's own end, not that of our patience
  if (buffer.error().code() != Code::kDeadlineExceeded) co_return Fail(std::move(buffer.error()));
  co_return Fail(Code::kServerBusy, "Too many bodies are in flight; try again.");
}

std::optional<BufferPool::Buffer> BufferPool::TryLarger(std::size_t have, std::size_t wanted) {
  return TryDown(uploads_, ClassOf(wanted), have);
}

Task<std::optional<BufferPool::Buffer>> BufferPool::Larger(OpContext context, std::size_t have,
                                                           std::size_t wanted) {
  if (auto buffer = TryLarger(have, wanted)) co_return buffer;
  if (ClassOf(wanted) < kSmall || have >= kSmall) co_return std::nullopt;
  auto waited = co_await uploads_.levels[1].Acquire(kSmall, Within(context, kWaitForLarger));
  if (!waited) co_return std::nullopt;
  auto below = uploads_.levels[0].TryAcquire(kSmall);
  if (!below) co_return std::nullopt;
  std::array<Permit, 3> permits;
  permits[0] = std::move(*below);
  permits[1] = std::move(*waited);
  co_return Make(kSmall, std::move(permits));
}

BufferPool::Buffer BufferPool::Make(std::size_t size, std::array<Permit, 3> permits) {
  Buffer buffer;
  buffer.pool_ = this;
  buffer.size_ = size;
  buffer.permits_ = std::move(permits);
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
