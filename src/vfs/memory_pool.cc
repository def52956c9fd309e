#include "vfs/memory_pool.h"

#include <cstdlib>
#include <mutex>
#include <vector>

#include "base/log.h"

namespace forebay::vfs {

struct Memory::Core {
  explicit Core(std::size_t most) : keep_bytes(most) {}
  ~Core() {
    for (auto& list : idle) {
      for (std::byte* memory : list) std::free(memory);
    }
  }
  static std::size_t IndexOf(std::size_t bytes) {
    for (std::size_t i = 0; i < MemoryPool::kSizes.size(); ++i) {
      if (bytes <= MemoryPool::kSizes[i]) return i;
    }
    return MemoryPool::kSizes.size() - 1;
  }

  const std::size_t keep_bytes;
  std::mutex mutex;
  std::array<std::vector<std::byte*>, MemoryPool::kSizes.size()> idle;  // guarded by mutex
  std::size_t idle_bytes = 0;                                           // guarded by mutex
};

Memory::Memory(std::shared_ptr<Core> core, std::byte* data, std::size_t capacity)
    : core_(std::move(core)), data_(data), capacity_(capacity) {}

Memory::~Memory() {
  {
    std::lock_guard lock(core_->mutex);
    if (core_->idle_bytes + capacity_ <= core_->keep_bytes) {
      core_->idle[Core::IndexOf(capacity_)].push_back(data_);
      core_->idle_bytes += capacity_;
      return;
    }
  }
  std::free(data_);
}

MemoryPool::MemoryPool(std::size_t keep_bytes)
    : core_(std::make_shared<Memory::Core>(keep_bytes)) {}

std::size_t MemoryPool::SizeFor(std::size_t bytes) { return kSizes[Memory::Core::IndexOf(bytes)]; }

std::shared_ptr<Memory> MemoryPool::Get(std::size_t bytes) {
  const std::size_t index = Memory::Core::IndexOf(bytes);
  std::byte* data = nullptr;
  {
    std::lock_guard lock(core_->mutex);
    if (!core_->idle[index].empty()) {
      data = core_->idle[index].back();
      core_->idle[index].pop_back();
      core_->idle_bytes -= kSizes[index];
    }
  }
  if (!data) data = static_cast<std::byte*>(std::aligned_alloc(4096, kSizes[index]));
  if (!data) Panic("out of memory for the content of files");
  return std::shared_ptr<Memory>(new Memory(core_, data, kSizes[index]));
}

std::size_t MemoryPool::idle_bytes() const {
  std::lock_guard lock(core_->mutex);
  return core_->idle_bytes;
}

}  // namespace forebay::vfs
