// Bytes that go up: a body that can be read again from its start, because a request may have to be
// sent more than once.
//
// A Content may be opened from any thread, several streams of it may be open at once, and it stays
// the same for as long as it lives. It outlives its streams.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/byte_stream.h"
#include "async/task.h"

namespace forebay::lake {

class Content {
 public:
  virtual ~Content() = default;
  virtual std::uint64_t length() const = 0;
  // A new stream over all `length` bytes. Pieces are memory, never file spans.
  virtual Task<std::unique_ptr<BodySource>> Open() = 0;
  // All of it, where it is in memory anyway; an empty view otherwise. Such content is checksummed
  // before it is sent, not after.
  virtual ByteView memory() const { return {}; }
};

// Content that owns its text, and content that views memory that somebody keeps alive.
std::shared_ptr<Content> TextContent(std::string text);
std::shared_ptr<Content> ViewContent(ByteView bytes, std::shared_ptr<const void> keep_alive);

}  // namespace forebay::lake
