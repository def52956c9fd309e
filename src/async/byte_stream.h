// Streams of bytes with bounded memory: what a request brings (BodyReader, pulled) and what a
// response sends (BodySource, pulled by the connection). Made by http/, the engine and the lake;
// one user at a time, on the executor that awaits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "async/task.h"
#include "base/bytes.h"

namespace forebay {

// A request body as it arrives; bounded memory. Pull-style, one reader.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Content-Length, or nullopt for chunked transfer coding.
  virtual std::optional<std::uint64_t> content_length() const = 0;
  // Fills `data` from the body: returns the number of bytes read, 0 at the end and only there.
  // Fills as much as it can without an extra wait for the whole; callers loop. Errors:
  // kConnectionClosed (cut short), kDeadlineExceeded (too slow), kBadHttp (chunk framing).
  virtual Task<std::size_t> Read(MutableByteView data) = 0;
};

// Bytes of a response body, produced piece by piece. `Next` is called again only when the previous
// piece has been handed to the socket, so one piece (at most a few MiB) is all a response holds in
// memory.
struct FileSpan {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
struct BodyPiece {
  // Exactly one of the two is used: memory, or a span of a file that is known to be in the page
  // cache.
  ByteView memory;
  std::optional<FileSpan> file;
  std::shared_ptr<const void> keep_alive;  // owns the memory or pins the file until it is sent
};
class BodySource {
 public:
  virtual ~BodySource() = default;
  // nullopt at the end. An error after the head was sent closes the connection (the client sees a
  // short body, never wrong bytes). `allow_file` is false on TLS connections: give memory then.
  virtual Task<std::optional<BodyPiece>> Next(bool allow_file) = 0;
  // The whole body as one piece of memory, where it is there already: a small answer then costs no
  // coroutine. The memory stays as long as the source. Before the first Next, and instead of it;
  // nullopt (as most sources have it): use Next.
  virtual std::optional<BodyPiece> TakeWhole() { return std::nullopt; }
};

}  // namespace forebay
