// The head of a request: where it ends, what it says, and how its body is framed.
//
// Pure functions over bytes, no I/O; thread safe. What is ambiguous is refused (request smuggling
// lives on servers that differ in how they read the same bytes): RFC 9112.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace forebay::http {

// Why a request cannot be taken: the status to answer before closing, and a sentence for a person.
struct HeadError {
  unsigned status = 400;
  std::string_view reason;
};

// Finds the end of a head in bytes that arrive piece by piece.
class HeadScanner {
 public:
  explicit HeadScanner(std::size_t limit) : limit_(limit) {}

  // `bytes` is all that has arrived since the head began; call again with more appended. The size
  // of the head with its final empty line; nullopt when more is needed. 414 or 431 above the limit,
  // 400 for a bare LF or a folded line.
  std::expected<std::optional<std::size_t>, HeadError> Scan(std::string_view bytes);
  void Reset() { *this = HeadScanner(limit_); }

 private:
  std::size_t limit_;
  std::size_t line_begin_ = 0;  // of the line that is not ended yet
  std::size_t searched_ = 0;    // no LF before this, from line_begin_ on
  bool first_line_ = true;
};

enum class BodyFraming : std::uint8_t { kNone, kLength, kChunked };

struct RequestHead {
  BodyFraming framing = BodyFraming::kNone;
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool expect_continue = false;
  bool http_1_0 = false;
};

// Reads a whole head (as delimited by HeadScanner) into `out`: method, target, path, query,
// headers. The target stays as it was sent; of an absolute-form target the path is what follows the
// authority.
std::expected<RequestHead, HeadError> ParseRequestHead(std::string_view head, Request& out);

// The head of an answer, for the client.
struct ResponseHead {
  unsigned status = 0;
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};
Result<ResponseHead> ParseResponseHead(std::string_view head);

}  // namespace forebay::http
