// HTTP/1.1 messages as the rest of Forebay sees them: no Beast type shows here.
//
// Value types; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/bytes.h"
#include "base/result.h"

namespace forebay::http {

enum class Method : std::uint8_t { kGet, kHead, kPut, kPost, kDelete, kOptions, kPatch, kOther };
std::string_view MethodName(Method method);

// Header fields in arrival order. Names compare without case; lookups return views into this object.
class Headers {
 public:
  void Add(std::string name, std::string value);
  void Set(std::string_view name, std::string value);  // replaces all of that name
  void Remove(std::string_view name);
  // The first value, trimmed; empty view and `Has` false when absent.
  std::string_view Get(std::string_view name) const;
  std::optional<std::string_view> Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// A request body as it arrives; bounded memory. Pull-style, one reader.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Content-Length, or nullopt for chunked transfer coding.
  virtual std::optional<std::uint64_t> content_length() const = 0;
  // Fills `data` from the body: returns the number of bytes read, 0 at the end and only there. Fills as
  // much as it can without an extra wait for the whole; callers loop. Sends `100 Continue` before the first read when
  // the client asked for it. Errors: kConnectionClosed (cut short), kDeadlineExceeded (too slow),
  // kBadHttp (chunk framing).
  virtual Task<std::size_t> Read(MutableByteView data) = 0;
};

// Bytes of a response body, produced piece by piece. `Next` is called again only when the previous piece
// has been handed to the socket, so one piece (at most a few MiB) is all a response holds in memory.
struct FileSpan {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
struct BodyPiece {
  // Exactly one of the two is used: memory, or a span of a file that is known to be in the page cache.
  ByteView memory;
  std::optional<FileSpan> file;
  std::shared_ptr<const void> keep_alive;  // owns the memory or pins the file until it is sent
};
class BodySource {
 public:
  virtual ~BodySource() = default;
  // nullopt at the end. An error after the head was sent closes the connection (the client sees a short
  // body, never wrong bytes). `allow_file` is false on TLS connections: give memory then.
  virtual Task<std::optional<BodyPiece>> Next(bool allow_file) = 0;
};

struct Request {
  Method method = Method::kGet;
  std::string method_text;
  std::string target;         // as received: "/acct/container/a%2Fb?comp=list"
  std::string path;           // raw path of the target, still percent-encoded
  std::string query;          // raw query without '?'
  Headers headers;
  BodyReader* body = nullptr; // never null in a handler; empty bodies read 0 at once
  std::string client_ip;      // textual address of the peer, no port
  std::uint16_t client_port = 0;
  std::uint16_t local_port = 0;  // the port of the listener it came to
  bool tls = false;
};

struct Response {
  unsigned status = 200;
  Headers headers;
  // Body: `text` for small ones, or `source` with `content_length` bytes. For HEAD set content_length
  // (or a Content-Length header value through it) and no body: only the head is sent.
  std::string text;
  std::unique_ptr<BodySource> source;
  std::optional<std::uint64_t> content_length;  // required with `source`
  bool close = false;                           // end the connection afterwards
};

}  // namespace forebay::http
