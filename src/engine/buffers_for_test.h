// Buffers of a store that is not there.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "kv/buffers.h"

namespace forebay::engine {

class BuffersForTest final : public kv::Buffers {
 public:
  std::uint64_t buffered_bytes() const override {
    ++looks;
    return buffered;
  }
  std::uint64_t log_bytes() const override { return log; }
  bool flushing() const override { return moving; }
  // Over at once, unless the test lets it take its time.
  void Flush(std::move_only_function<void()> done) override {
    ++flushes;
    waiting.push_back(std::move(done));
    if (on_flush) on_flush();
    if (!slow) End();
  }
  void End() {
    for (auto& done : std::exchange(waiting, {})) done();
  }

  std::uint64_t buffered = 0;
  std::uint64_t log = 0;
  bool moving = false;
  bool slow = false;
  int flushes = 0;
  mutable int looks = 0;  // every look at the room asks for what is buffered
  std::function<void()> on_flush;
  std::vector<std::move_only_function<void()>> waiting;
};

}  // namespace forebay::engine
