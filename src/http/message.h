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

#include "async/byte_stream.h"
#include "base/bytes.h"
#include "base/result.h"

namespace forebay::http {

enum class Method : std::uint8_t { kGet, kHead, kPut, kPost, kDelete, kOptions, kPatch, kOther };
std::string_view MethodName(Method method);

// Header fields in arrival order. Names compare without case; lookups return views into this
// object.
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

// The byte streams of bodies (async/byte_stream.h). A request's reader sends `100 Continue` before
// its first read when the client asked for it.
using forebay::BodyPiece;
using forebay::BodyReader;
using forebay::BodySource;
using forebay::FileSpan;

struct Request {
  Method method = Method::kGet;
  std::string method_text;
  std::string target;  // as received: "/acct/container/a%2Fb?comp=list"
  std::string path;    // raw path of the target, still percent-encoded
  std::string query;   // raw query without '?'
  Headers headers;
  BodyReader* body = nullptr;  // never null in a handler; empty bodies read 0 at once
  std::string client_ip;       // textual address of the peer, no port
  std::uint16_t client_port = 0;
  std::uint16_t local_port = 0;  // the port of the listener it came to
  bool tls = false;
};

struct Response {
  unsigned status = 200;
  Headers headers;
  // Body: `text` for small ones, or `source` with `content_length` bytes. For HEAD set
  // content_length (or a Content-Length header value through it) and no body: only the head is
  // sent.
  std::string text;
  std::unique_ptr<BodySource> source;
  std::optional<std::uint64_t> content_length;  // required with `source`
  bool close = false;                           // end the connection afterwards
};

}  // namespace forebay::http
