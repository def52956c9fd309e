#include "http/client_request.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"

namespace forebay::http {
namespace {

std::unexpected<Error> BadUrl(std::string_view why) {
  return Fail(Code::kInvalidInput, "The URL is not usable: " + std::string(why) + ".");
}

bool NameByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

bool ValueByte(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

// Host and port of "name", "name:1", "1.2.3.4:1" or "[::1]:1".
bool ParseAuthority(std::string_view authority, Url& out) {
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    out.host.assign(authority.substr(1, end - 1));
    port = authority.substr(end + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host.assign(authority.substr(0, colon));
    port = authority.substr(colon);
  }
  if (out.host.empty()) return false;
  if (port.empty() || port == ":") return true;
  port.remove_prefix(1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  return error == std::errc() && end == port.data() + port.size() && out.port != 0;
}

}  // namespace

Result<Url> ParseUrl(const std::string& text) {
  Url out;
  std::string_view rest = text;
  rest = rest.substr(0, rest.find('#'));
  const std::size_t scheme = rest.find("://");
  if (scheme == std::string_view::npos) return BadUrl("it has no scheme");
  const std::string_view name = rest.substr(0, scheme);
  out.tls = EqualsIgnoreCase(name, "https");
  if (!out.tls && !EqualsIgnoreCase(name, "http")) return BadUrl("its scheme is not http or https");
  rest.remove_prefix(scheme + 3);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.contains('@')) return BadUrl("it names a user");
  const std::uint16_t standard = out.tls ? 443 : 80;
  out.port = standard;
  if (!ParseAuthority(authority, out)) return BadUrl("its host or port is malformed");
  out.authority = out.host.contains(':') ? "[" + out.host + "]" : out.host;
  if (out.port != standard) out.authority += ":" + std::to_string(out.port);
  if (!rest.substr(end).starts_with('/')) out.target = "/";
  out.target.append(rest.substr(end));
  const auto visible = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
  if (!std::ranges::all_of(out.target, visible) || !std::ranges::all_of(out.host, visible)) {
    return BadUrl("it holds a blank or a control character");
  }
  return out;
}

Result<std::string> BuildRequestHead(const ClientRequest& request, const Url& url) {
  std::string out;
  out.reserve(512);
  out.append(MethodName(request.method)).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  if (!request.headers.Has("Host")) out.append("Host: ").append(url.authority).append("\r\n");
  for (const auto [name, value] : request.headers) {
    if (name.empty() || !std::ranges::all_of(name, NameByte) ||
        !std::ranges::all_of(value, ValueByte)) {
      return Fail(Code::kInvalidInput, "A request header holds characters that cannot be sent.");
    }
    // Ours to say: a second one would let two servers read the request differently.
    if (EqualsIgnoreCase(name, "content-length") || EqualsIgnoreCase(name, "transfer-encoding")) {
      continue;
    }
    out.append(name).append(": ").append(value).append("\r\n");
  }
  const std::uint64_t length =
      request.source != nullptr ? request.source_length : request.body.size();
  const bool expects_length = request.method == Method::kPut || request.method == Method::kPost ||
                              request.method == Method::kPatch;
  if (length > 0 || expects_length) {
    out.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
  }
  out.append("\r\n");
  return out;
}

}  // namespace forebay::http
