#include "http/request_head.h"

#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <limits>

#include "base/encoding.h"

namespace forebay::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::error_code;
// Beast's own string_view is Boost's.
using BeastString = boost::beast::string_view;

constexpr std::size_t kMaxFields = 1000;

std::string_view View(BeastString s) { return {s.data(), s.size()}; }

Method MethodOf(beast_http::verb verb) {
  switch (verb) {
    case beast_http::verb::get:
      return Method::kGet;
    case beast_http::verb::head:
      return Method::kHead;
    case beast_http::verb::put:
      return Method::kPut;
    case beast_http::verb::post:
      return Method::kPost;
    case beast_http::verb::delete_:
      return Method::kDelete;
    case beast_http::verb::options:
      return Method::kOptions;
    case beast_http::verb::patch:
      return Method::kPatch;
    default:
      return Method::kOther;
  }
}

// Beast's parser, writing straight into our own types: its `fields` container would cost an
// allocation for each header.
template <bool is_request>
class HeadParser final : public beast_http::basic_parser<is_request> {
 public:
  explicit HeadParser(Headers& headers) : headers_(headers) {
    this->body_limit(boost::none);
    this->header_limit(std::numeric_limits<std::uint32_t>::max());
  }

  // True when `head` is one whole well-formed head.
  bool Parse(std::string_view head) {
    error_code error;
    const std::size_t used = this->put({head.data(), head.size()}, error);
    return !error && used == head.size() && this->is_header_done();
  }

  Request* request = nullptr;
  int version = 11;
  unsigned status = 0;
  bool too_many = false;

 private:
  void on_request_impl(beast_http::verb verb, BeastString method, BeastString target,
                       int version_in, error_code&) override {
    version = version_in;
    if (request == nullptr) return;
    request->method = MethodOf(verb);
    request->method_text.assign(method.data(), method.size());
    request->target.assign(target.data(), target.size());
  }
  void on_response_impl(int code, BeastString, int version_in, error_code&) override {
    status = static_cast<unsigned>(code);
    version = version_in;
  }
  void on_field_impl(beast_http::field, BeastString name, BeastString value,
                     error_code& error) override {
    if (headers_.size() >= kMaxFields) {
      too_many = true;
      error = beast_http::error::header_limit;
      return;
    }
    headers_.Add(View(name), View(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastString, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, BeastString, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastString, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  Headers& headers_;
};

std::unexpected<HeadError> Bad(std::string_view reason) {
  return std::unexpected(HeadError{400, reason});
}

// What the fields that frame a message say, over all of their occurrences.
struct FramingFields {
  unsigned lengths = 0;
  unsigned codings = 0;
  unsigned hosts = 0;
  std::string_view length;
  std::string_view coding;
  std::string_view expect;
  bool close = false;
  bool keep_alive = false;
};

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (EqualsIgnoreCase(item, token)) return true;
  }
  return false;
}

FramingFields Collect(const Headers& headers) {
  FramingFields out;
  for (const auto [name, value] : headers) {
    // Lengths first: most fields are none of these.
    switch (name.size()) {
      case 4:
        if (EqualsIgnoreCase(name, "host")) ++out.hosts;
        break;
      case 6:
        if (EqualsIgnoreCase(name, "expect")) out.expect = value;
        break;
      case 10:
        if (EqualsIgnoreCase(name, "connection")) {
          out.close |= HasToken(value, "close");
          out.keep_alive |= HasToken(value, "keep-alive");
        }
        break;
      case 14:
        if (EqualsIgnoreCase(name, "content-length")) {
          ++out.lengths;
          out.length = value;
        }
        break;
      case 17:
        if (EqualsIgnoreCase(name, "transfer-encoding")) {
          ++out.codings;
          out.coding = value;
        }
        break;
      default:
        break;
    }
  }
  return out;
}

std::optional<std::uint64_t> ParseLength(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Splits the target into path and query; of the absolute form, drops scheme and authority.
bool SplitTarget(Request& out) {
  std::string_view rest = out.target;
  if (rest == "*") {
    out.path = rest;
    return true;
  }
  if (rest.front() != '/') {
    const std::size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view name = rest.substr(0, scheme);
    if (!EqualsIgnoreCase(name, "http") && !EqualsIgnoreCase(name, "https")) return false;
    rest.remove_prefix(scheme + 3);
    const std::size_t end = rest.find_first_of("/?");
    if (end == 0) return false;
    rest.remove_prefix(std::min(end, rest.size()));
  }
  const std::size_t mark = rest.find('?');
  out.path.assign(rest.substr(0, mark));
  if (out.path.empty()) out.path = "/";
  if (mark != std::string_view::npos) out.query.assign(rest.substr(mark + 1));
  return true;
}

}  // namespace

std::expected<std::optional<std::size_t>, HeadError> HeadScanner::Scan(std::string_view bytes) {
  for (;;) {
    const void* hit = searched_ < bytes.size()
                          ? std::memchr(bytes.data() + searched_, '\n', bytes.size() - searched_)
                          : nullptr;
    const std::size_t end =
        hit == nullptr ? bytes.size()
                       : static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
    if (end >= limit_) {
      if (first_line_) return std::unexpected(HeadError{414, "The request line is too long."});
      return std::unexpected(HeadError{431, "The request headers are too large."});
    }
    if (hit == nullptr) {
      searched_ = bytes.size();
      return std::nullopt;
    }
    if (end == line_begin_ || bytes[end - 1] != '\r') return Bad("A line does not end in CRLF.");
    if (!first_line_ && (bytes[line_begin_] == ' ' || bytes[line_begin_] == '\t')) {
      return Bad("Folded header lines are not accepted.");
    }
    if (end == line_begin_ + 1) {
      if (first_line_) return Bad("The request line is empty.");
      return end + 1;
    }
    first_line_ = false;
    line_begin_ = searched_ = end + 1;
  }
}

std::expected<RequestHead, HeadError> ParseRequestHead(std::string_view head, Request& out) {
  out.path.clear();
  out.query.clear();
  out.headers.Clear();
  HeadParser<true> parser(out.headers);
  parser.request = &out;
  if (!parser.Parse(head)) {
    if (parser.too_many) return std::unexpected(HeadError{431, "Too many request headers."});
    return Bad("The request is not well-formed HTTP/1.1.");
  }
  if (parser.version != 10 && parser.version != 11) {
    return std::unexpected(HeadError{505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."});
  }
  if (!SplitTarget(out)) return Bad("The request target is neither a path nor an http URL.");

  const FramingFields fields = Collect(out.headers);
  RequestHead result;
  result.http_1_0 = parser.version == 10;
  if (fields.hosts > 1 || (fields.hosts == 0 && !result.http_1_0)) {
    return Bad("A request has exactly one Host header.");
  }
  if (fields.lengths > 1) return Bad("Content-Length is given more than once.");
  if (fields.codings > 0) {
    if (fields.lengths > 0) return Bad("Content-Length and Transfer-Encoding exclude one another.");
    if (fields.codings > 1 || result.http_1_0) return Bad("Transfer-Encoding is not valid here.");
    if (!EqualsIgnoreCase(fields.coding, "chunked")) {
      return std::unexpected(HeadError{501, "The only transfer coding known here is chunked."});
    }
    result.framing = BodyFraming::kChunked;
  } else if (fields.lengths == 1) {
    const auto length = ParseLength(fields.length);
    if (!length) return Bad("Content-Length is not a number.");
    result.content_length = *length;
    result.framing = *length > 0 ? BodyFraming::kLength : BodyFraming::kNone;
  }
  result.keep_alive = result.http_1_0 ? fields.keep_alive && !fields.close : !fields.close;
  if (!fields.expect.empty() && !result.http_1_0) {
    if (!EqualsIgnoreCase(fields.expect, "100-continue")) {
      return std::unexpected(HeadError{417, "The only expectation known here is 100-continue."});
    }
    result.expect_continue = result.framing != BodyFraming::kNone;
  }
  return result;
}

Result<ResponseHead> ParseResponseHead(std::string_view head) {
  ResponseHead out;
  HeadParser<false> parser(out.headers);
  if (!parser.Parse(head)) return Fail(Code::kBadHttp, "The answer is not well-formed HTTP/1.1.");
  out.status = parser.status;
  const FramingFields fields = Collect(out.headers);
  if (fields.lengths > 1 || fields.codings > 1 || (fields.lengths > 0 && fields.codings > 0)) {
    return Fail(Code::kBadHttp, "The answer frames its body in two ways at once.");
  }
  if (fields.codings == 1) {
    if (!EqualsIgnoreCase(fields.coding, "chunked")) {
      return Fail(Code::kBadHttp, "The answer uses a transfer coding other than chunked.");
    }
    out.chunked = true;
  } else if (fields.lengths == 1) {
    out.content_length = ParseLength(fields.length);
    if (!out.content_length) {
      return Fail(Code::kBadHttp, "The answer's Content-Length is not a number.");
    }
  }
  out.keep_alive = parser.version == 11 ? !fields.close : fields.keep_alive && !fields.close;
  return out;
}

}  // namespace forebay::http
