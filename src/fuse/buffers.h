// Memory for requests and answers, used again and again: a fresh MiB for each read costs most of
// the speed of a mount, in page faults.
//
// Thread safe. What is lent comes back when its handle dies, also after the pool is gone. The pool
// keeps at most `keep` idle ones; how many are lent at a time is bounded by the kernel, which sends
// no more than `max_background` requests that nobody waits for, and one for each waiting thread.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace forebay::fuse {

class Buffers {
 public:
  // Page aligned memory of `size` bytes, from malloc's family.
  struct Free {
    void operator()(void* memory) const;
  };
  using Memory = std::unique_ptr<void, Free>;

  class Lease {
   public:
    Lease() = default;
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease();
    std::byte* data() const { return static_cast<std::byte*>(memory_.get()); }
    explicit operator bool() const { return memory_ != nullptr; }

   private:
    friend class Buffers;
    struct Core;
    Lease(std::shared_ptr<Core> core, Memory memory)
        : core_(std::move(core)), memory_(std::move(memory)) {}
    std::shared_ptr<Core> core_;
    Memory memory_;
  };

  Buffers(std::size_t size, std::size_t keep);
  Lease Get();
  std::size_t size() const { return size_; }
  std::size_t idle() const;

 private:
  const std::size_t size_;
  std::shared_ptr<Lease::Core> core_;
};

}  // namespace forebay::fuse
