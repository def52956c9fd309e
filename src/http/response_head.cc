#include "http/response_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>

#include "base/encoding.h"

namespace forebay::http {
namespace {

void AppendNumber(std::uint64_t value, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

// A name or value from the handler may hold what a client once sent: it must not end the line.
void AppendSafe(std::string_view text, std::string& out) {
  const std::size_t begin = out.size();
  out.append(text);
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
}

bool OwnedByServer(std::string_view name) {
  switch (name.size()) {
    case 10:
      return EqualsIgnoreCase(name, "connection");
    case 14:
      return EqualsIgnoreCase(name, "content-length");
    case 17:
      return EqualsIgnoreCase(name, "transfer-encoding");
    default:
      return false;
  }
}

std::string_view Reason(unsigned status) {
  const auto text = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return {text.data(), text.size()};
}

}  // namespace

std::uint64_t AppendResponseHead(const Response& response, const HeadContext& context,
                                 std::string& out) {
  // Always 1.1, as RFC 9110 wants it even in answer to 1.0.
  out.append("HTTP/1.1 ");
  AppendNumber(response.status, out);
  out.push_back(' ');
  out.append(Reason(response.status));
  out.append("\r\n");

  const bool bodiless = response.status == 204 || response.status == 304;
  const std::uint64_t length = response.content_length.value_or(response.text.size());
  // A 304 may tell the length that a 200 would have had, but only where the handler knows it.
  const bool tells_length =
      !bodiless || (response.status == 304 && response.content_length.has_value());
  if (tells_length) {
    out.append("Content-Length: ");
    AppendNumber(length, out);
    out.append("\r\n");
  }
  bool has_date = false;
  for (const auto [name, value] : response.headers) {
    if (OwnedByServer(name)) continue;
    if (name.size() == 4 && EqualsIgnoreCase(name, "date")) has_date = true;
    AppendSafe(name, out);
    out.append(": ");
    AppendSafe(value, out);
    out.append("\r\n");
  }
  if (!has_date) {
    out.append("Date: ");
    out.append(context.date);
    out.append("\r\n");
  }
  if (!context.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (context.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  return bodiless || context.head_request ? 0 : length;
}

}  // namespace forebay::http
