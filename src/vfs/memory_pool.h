// Memory for file content in a few sizes, used again and again: a page that is used anew costs more
// than copying a page's worth of data into one that was used before.
//
// Thread safe. Memory may outlive the pool. How much there may be is the business of those who ask
// (content_cache.h, dirty_content.h); the pool itself keeps at most `keep_bytes` that nobody uses.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"

namespace forebay::vfs {

class Memory {
 public:
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* data() const { return data_; }
  std::size_t capacity() const { return capacity_; }

 private:
  friend class MemoryPool;
  struct Core;
  Memory(std::shared_ptr<Core> core, std::byte* data, std::size_t capacity);
  const std::shared_ptr<Core> core_;
  std::byte* const data_;
  const std::size_t capacity_;
};

class MemoryPool {
 public:
  static constexpr std::array<std::size_t, 5> kSizes = {4_KiB, 64_KiB, 256_KiB, 1_MiB, 8_MiB};

  explicit MemoryPool(std::size_t keep_bytes);

  // The smallest size that holds `bytes`; the largest one for more.
  static std::size_t SizeFor(std::size_t bytes);
  // Of SizeFor(bytes). What is in it is whatever was.
  std::shared_ptr<Memory> Get(std::size_t bytes);
  std::size_t idle_bytes() const;

 private:
  const std::shared_ptr<Memory::Core> core_;
};

}  // namespace forebay::vfs
