#include "http/response_head.h"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <cstring>

#include "base/encoding.h"

namespace forebay::http {
namespace {

void AppendNumber(std::uint64_t value, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out.append(digits, end);
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  const std::size_t begin = out.size();
  const std::size_t size = name.size() + value.size() + 4;
  out.resize_and_overwrite(begin + size, [&](char* data, std::size_t) {
    char* at = data + begin;
    const auto put = [&at](std::string_view text) {
      std::memcpy(at, text.data(), text.size());
      at += text.size();
    };
    put(name);
    put(": ");
    put(value);
    put("\r\n");
    // Not the size that the library passes: that may be all of its capacity.
    return begin + size;
  });
}

// A name or value from the handler may hold what a client once sent: it must not end the line.
std::string Safe(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return out;
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
  const bool safe = response.headers.AreSafe();
  for (const auto [name, value] : response.headers) {
    if (OwnedByServer(name)) continue;
    if (name.size() == 4) has_date |= EqualsIgnoreCase(name, "date");
    if (safe) {
      AppendField(name, value, out);
    } else {
      AppendField(Safe(name), Safe(value), out);
    }
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
