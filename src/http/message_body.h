// The body of a message as it arrives on a connection, whichever way it is framed; a server's
// request body and a client's answer.
//
// On the connection's loop. Bytes go from the socket straight into the reader's buffer where that
// is possible, so a large block is copied once, by the kernel.
#pragma once

#include <cstdint>
#include <optional>

#include "async/byte_stream.h"
#include "http/chunk_decoder.h"
#include "http/input_buffer.h"
#include "http/request_head.h"
#include "http/transport.h"

namespace forebay::http {

class MessageBody final : public BodyReader {
 public:
  // Both outlive the body.
  MessageBody(Transport& transport, InputBuffer& input) : transport_(transport), input_(input) {}

  // Begins the body of the next message. `owes_continue`: the peer waits for `100 Continue`.
  void Begin(BodyFraming framing, std::uint64_t length, bool owes_continue);
  void BeginUntilClose();

  std::optional<std::uint64_t> content_length() const override;
  Task<std::size_t> Read(MutableByteView data) override;

  bool done() const { return done_; }
  bool failed() const { return failed_; }
  // The peer waits for 100 Continue, and nobody has asked for the body.
  bool owes_continue() const { return owes_continue_; }
  // From now on no 100 Continue may be sent: the answer has begun.
  void Forbid100() { may_continue_ = false; }
  // True when what is left is known to be more than `limit` bytes.
  bool LeftMoreThan(std::uint64_t limit) const;
  // Reads and drops what is left, at most `limit` bytes; true at the end of the body.
  Task<bool> Discard(std::uint64_t limit);

 private:
  enum class Mode : std::uint8_t { kLength, kChunked, kUntilClose };
  Task<std::size_t> ReadUnframed(MutableByteView data);
  Task<std::size_t> ReadChunked(MutableByteView data);
  Task<> Fill();
  std::unexpected<Error> Broken(Code code, const char* message);

  Transport& transport_;
  InputBuffer& input_;
  Mode mode_ = Mode::kLength;
  std::uint64_t length_ = 0;
  std::uint64_t left_ = 0;
  ChunkDecoder chunks_;
  bool done_ = true;
  bool failed_ = false;
  bool owes_continue_ = false;
  bool may_continue_ = true;
};

}  // namespace forebay::http
