#include "vfs/read_ahead.h"

#include <algorithm>

namespace forebay::vfs {

ReadAhead::Stream* ReadAhead::Follow(std::uint64_t offset) {
  for (Stream& stream : streams_) {
    if (stream.used == 0) continue;
    const std::uint64_t from = stream.next > kSlack ? stream.next - kSlack : 0;
    if (offset >= from && offset <= stream.next + kSlack) return &stream;
  }
  return nullptr;
}

ReadAhead::Plan ReadAhead::Next(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  const std::uint64_t end = std::min(size, offset + length);
  if (offset >= end) return {};
  ++clock_;
  Stream* stream = Follow(offset);
  if (stream == nullptr) {
    stream = &*std::ranges::min_element(streams_, {}, &Stream::used);
    *stream = {.next = end, .window = 0, .ahead = end, .used = clock_};
    // Who begins at the beginning will most likely go on, and small files are read whole.
    if (offset != 0) return {.begin = offset, .end = end};
    stream->window = kLarge;
    stream->ahead = std::min(size, std::max(end, kLarge));
    return {.begin = 0, .end = stream->ahead, .unit = kLarge};
  }
  stream->used = clock_;
  if (offset + length > stream->next) {
    stream->next = end;
    stream->window = std::min(most_, std::max<std::uint64_t>(stream->window * 2, 2 * kLarge));
  }
  Plan plan{.begin = offset, .end = end, .unit = kLarge};
  // Refilled in steps, so that a reader who asks for little does not cause a request each time.
  if (stream->ahead < std::min(size, stream->next + stream->window / 2)) {
    stream->ahead = std::min(size, stream->next + stream->window);
  }
  plan.end = std::max(plan.end, stream->ahead);
  return plan;
}

}  // namespace forebay::vfs
