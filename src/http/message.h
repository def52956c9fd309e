// HTTP/1.1 messages as the rest of Forebay sees them: no Beast type shows here.
//
// Value types; one thread at a time.
#pragma once

#include <cstddef>
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

// Header fields in arrival order, kept in one buffer: a request's fields cost two allocations, not
// two each. Names compare without case. Lookups and iteration (`for (auto [name, value] :
// headers)`) give views into this object that hold until it is next changed.
class Headers {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  void Add(std::string_view name, std::string_view value);
  void Set(std::string_view name, std::string_view value);  // replaces all of that name
  void Remove(std::string_view name);
  void Clear();  // keeps the memory
  // The first value, trimmed; empty view and `Has` false when absent.
  std::string_view Get(std::string_view name) const;
  std::optional<std::string_view> Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  std::size_t size() const { return slots_.size(); }
  std::size_t capacity_bytes() const { return text_.capacity(); }
  // True when no name and no value holds CR, LF or NUL.
  bool AreSafe() const;

  class Iterator {
   public:
    using value_type = Field;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Field operator*() const { return owner_->At(index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++index_;
      return old;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend class Headers;
    Iterator(const Headers* owner, std::size_t index) : owner_(owner), index_(index) {}
    const Headers* owner_ = nullptr;
    std::size_t index_ = 0;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, slots_.size()}; }

 private:
  struct Slot {
    std::uint32_t begin = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value_size = 0;
  };
  Field At(std::size_t index) const;

  std::string text_;  // name, then value, of each field in turn
  std::vector<Slot> slots_;
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
