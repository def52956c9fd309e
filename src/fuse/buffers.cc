#include "fuse/buffers.h"

#include <cstdlib>
#include <utility>

#include "base/log.h"

namespace forebay::fuse {

void Buffers::Free::operator()(void* memory) const { std::free(memory); }

struct Buffers::Lease::Core {
  explicit Core(std::size_t most) : keep(most) {}
  const std::size_t keep;
  std::mutex mutex;
  std::vector<Memory> idle;  // guarded by mutex
};

Buffers::Lease& Buffers::Lease::operator=(Lease&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(memory_, other.memory_);
  return *this;
}

Buffers::Lease::~Lease() {
  if (!memory_) return;
  std::lock_guard lock(core_->mutex);
  if (core_->idle.size() < core_->keep) core_->idle.push_back(std::move(memory_));
}

Buffers::Buffers(std::size_t size, std::size_t keep)
    : size_((size + 4095) / 4096 * 4096), core_(std::make_shared<Lease::Core>(keep)) {}

Buffers::Lease Buffers::Get() {
  {
    std::lock_guard lock(core_->mutex);
    if (!core_->idle.empty()) {
      Memory memory = std::move(core_->idle.back());
      core_->idle.pop_back();
      return Lease(core_, std::move(memory));
    }
  }
  Memory memory(std::aligned_alloc(4096, size_));
  if (!memory) Panic("out of memory for a request's buffer");
  return Lease(core_, std::move(memory));
}

std::size_t Buffers::idle() const {
  std::lock_guard lock(core_->mutex);
  return core_->idle.size();
}

}  // namespace forebay::fuse
