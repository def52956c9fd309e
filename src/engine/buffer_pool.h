// Transfer buffers under one budget, so that memory is bounded whatever is uploaded and downloaded.
//
// Slow clients must not stop the others. Uploads and downloads have a share of the budget each. In
// each share large buffers can take only a part, the rest is kept for tiny ones, so that small
// bodies get through while every large buffer is held. An upload begins with a tiny buffer and gets
// a larger one only when that has filled: what a client holds follows what it has sent. An upload
// that finds not even a tiny buffer for some seconds is refused with kServerBusy. Thread safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
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
  static constexpr std::size_t kTiny = 64 << 10;

  enum class Use { kUpload, kDownload };

  // `budget` bytes in buffers at a time, at least kLarge; two thirds are for uploads. An upload
  // waits for its first buffer as long as `patience`.
  explicit BufferPool(std::size_t budget,
                      std::chrono::milliseconds patience = std::chrono::seconds(10));
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
    std::array<Permit, 3> permits_;  // of the levels of its share
  };

  // A buffer of min(wanted, kLarge) bytes rounded up to a size class, or of a smaller class when
  // memory is tight. Waits, as long as the context lets it, only when there is not even kTiny.
  Task<Buffer> Acquire(OpContext context, Use use, std::size_t wanted);
  // The kTiny that every upload begins with. kServerBusy when there was none for too long.
  Task<Buffer> AcquireFirst(OpContext context);
  // What an upload goes on with, as Acquire but larger than `have`; nullopt when memory is tight.
  std::optional<Buffer> TryLarger(std::size_t have, std::size_t wanted);
  // As TryLarger, but worth a moment's wait for kSmall: chunks of kTiny are many.
  Task<std::optional<Buffer>> Larger(OpContext context, std::size_t have, std::size_t wanted);
  // Gives idle memory back to the system.
  void Trim();

 private:
  // A size class needs its bytes of its own level and of all levels below.
  struct Share {
    Share(std::size_t bytes, std::size_t above_tiny, std::size_t large)
        : levels{Semaphore(bytes), Semaphore(above_tiny), Semaphore(large)} {}
    std::array<Semaphore, 3> levels;  // all; buffers above kTiny; those of kLarge
  };
  std::optional<Buffer> TryMake(Share& share, std::size_t size);
  std::optional<Buffer> TryDown(Share& share, std::size_t size, std::size_t above);
  Buffer Make(std::size_t size, std::array<Permit, 3> permits);
  void Recycle(std::unique_ptr<std::byte[]> memory);

  const std::chrono::milliseconds patience_;
  Share uploads_;
  Share downloads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<std::byte[]>> idle_large_;
};

}  // namespace forebay::engine
