// Bytes received and not used yet: a small buffer that grows for large heads and shrinks when idle.
//
// One thread at a time. Views into it hold until the next call that is not const.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace forebay::http {

class InputBuffer {
 public:
  static constexpr std::size_t kSmall = 4_KiB;

  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }

  // Room to receive into, at least one byte; doubles when it is full of unused bytes.
  MutableByteView Space() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (bytes_ == nullptr) Reallocate(kSmall);
    if (end_ == capacity_) {
      if (begin_ > 0) {
        std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
      } else {
        Reallocate(2 * capacity_);
      }
    }
    return {reinterpret_cast<std::byte*>(bytes_.get() + end_), capacity_ - end_};
  }
  void Commit(std::size_t received) { end_ += received; }
  void Consume(std::size_t used) { begin_ += used; }
  // Gives memory back that only a large head needed.
  void Shrink() {
    if (capacity_ > kSmall && end_ - begin_ <= kSmall) Reallocate(kSmall);
  }
  std::size_t capacity() const { return capacity_; }

 private:
  void Reallocate(std::size_t capacity) {
    auto fresh = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > begin_) std::memcpy(fresh.get(), bytes_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    capacity_ = capacity;
    bytes_ = std::move(fresh);
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace forebay::http
