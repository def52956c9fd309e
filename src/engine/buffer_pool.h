// Transfer buffers under one budget, so that memory is bounded whatever is uploaded and downloaded.
//
// Thread safe. A request that finds the budget nearly used gets a small buffer instead of a large
// one, and waits only when there is none at all: slow clients cannot take every large buffer
// hostage.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "base/bytes.h"

namespace forebay::engine {

class BufferPool {
 public:
  static constexpr std::size_t kLarge = 4 << 20;
  static constexpr std::size_t kSmall = 512 << 10;

  // `budget` bytes in buffers at a time, at least kLarge.
  explicit BufferPool(std::size_t budget);
  ~BufferPool();

  // Movable; gives its memory back on destruction, on any thread.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { Swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      Swap(other);
      return *this;
    }
    ~Buffer();
    MutableByteView bytes() const { return {memory_.get(), size_}; }
    std::size_t size() const { return size_; }

   private:
    friend class BufferPool;
    void Swap(Buffer& other) noexcept;
    BufferPool* pool_ = nullptr;
    std::unique_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
    Permit permit_;
  };

  // A buffer of min(wanted, kLarge) bytes rounded up to a size class, or of kSmall when memory is
  // tight.
  Task<Buffer> Acquire(OpContext context, std::size_t wanted);
  // Gives idle memory back to the system.
  void Trim();

 private:
  Buffer Make(std::size_t size, Permit permit);
  void Recycle(std::unique_ptr<std::byte[]> memory);

  Semaphore budget_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> idle_large_;
};

}  // namespace forebay::engine
