// Buffers of a store that is not there.
#pragma once

#include <atomic>
#include <functional>

#include "kv/buffers.h"

namespace forebay::engine {

class BuffersForTest final : public kv::Buffers {
 public:
  std::uint64_t buffered_bytes() const override { return buffered; }
  std::uint64_t log_bytes() const override { return log; }
  bool flushing() const override { return moving; }
  void Flush() override {
    ++flushes;
    if (on_flush) on_flush();
  }

  std::uint64_t buffered = 0;
  std::uint64_t log = 0;
  bool moving = false;
  int flushes = 0;
  std::function<void()> on_flush;
};

}  // namespace forebay::engine
