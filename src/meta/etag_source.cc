#include "meta/etag_source.h"

#include <random>

namespace forebay::meta {

ETagSource::ETagSource(Clock& clock) : clock_(clock), process_(std::random_device{}() & 0xFF) {}

ETagNumber ETagSource::Next() {
  const std::int64_t now = clock_.Now().ticks;
  std::int64_t last = last_ticks_.load(std::memory_order_relaxed);
  std::int64_t next = 0;
  do {
    next = now > last ? now : last + 1;
  } while (!last_ticks_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return ETagNumber(static_cast<std::uint64_t>(next) << 8 | process_);
}

}  // namespace forebay::meta
