#include "engine/body_pins.h"

namespace forebay::engine {

std::shared_ptr<const void> BodyPins::Pin(meta::BodyId body) {
  {
    std::lock_guard lock(mutex_);
    ++readers_[body];
  }
  return std::shared_ptr<const void>(nullptr, [this, body](const void*) {
    std::lock_guard lock(mutex_);
    auto it = readers_.find(body);
    if (--it->second == 0) readers_.erase(it);
  });
}

bool BodyPins::IsPinned(meta::BodyId body) const {
  std::lock_guard lock(mutex_);
  return readers_.contains(body);
}

}  // namespace forebay::engine
