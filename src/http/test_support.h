// For the tests of this layer: a client that speaks raw bytes over a blocking socket, and handlers.
#pragma once

#include <string>
#include <string_view>

#include "http/server.h"

namespace forebay::http {

// A blocking TCP client; every wait ends after a few seconds with what has arrived so far.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool Send(std::string_view bytes);
  // Reads one answer: the head, and its body by Content-Length (none where `head_only`).
  struct Answer {
    unsigned status = 0;
    std::string head;
    std::string body;
    bool complete = false;
    // The value of a header, case-sensitive as sent; empty when absent.
    std::string Header(std::string_view name) const;
  };
  Answer ReadAnswer(bool head_only = false);
  // At least `count` bytes, fewer at the end of the stream or of patience.
  std::string ReadBytes(std::size_t count);
  // Everything to the end of the stream; `closed` tells whether that came.
  std::string ReadToEnd(bool* closed = nullptr);
  // True when the server ends the stream within the time.
  bool WaitClosed(int milliseconds);
  void ShutdownSend();
  void Reset();  // closes with RST
  int descriptor() const { return descriptor_; }

 private:
  bool Receive(int milliseconds);
  int descriptor_ = -1;
  std::string buffer_;
};

// A pattern whose bytes tell their position.
std::string Pattern(std::size_t size, std::uint64_t offset = 0);

}  // namespace forebay::http
