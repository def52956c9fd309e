#include "config/address.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "base/ip_address.h"

namespace forebay::config {
namespace {

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidConfig, std::move(message));
}

bool IsV4(std::string_view host) { return !host.contains(':') && ParseIp(host); }
bool IsV6(std::string_view host) { return host.contains(':') && ParseIp(host); }

bool ParseNumber(std::string_view text, unsigned max) {
  unsigned number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number <= max;
}

struct Parts {
  std::string host;
  std::string port;
  bool has_port = false;
  bool bracketed = false;
};

bool Split(std::string_view text, Parts& parts) {
  std::string_view rest;
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    parts.host = text.substr(1, close - 1);
    parts.bracketed = true;
    rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return false;
  } else {
    std::size_t colon = std::min(text.rfind(':'), text.size());
    parts.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  parts.has_port = !rest.empty();
  if (parts.has_port) parts.port = rest.substr(1);
  return true;
}

bool IsHostName(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

}  // namespace

Result<> CheckAddress(std::string_view address) {
  Parts parts;
  std::string quoted = "\"" + std::string(address) + "\"";
  if (!Split(address, parts) || !parts.has_port) {
    return Bad(quoted + " is not HOST:PORT, such as \"127.0.0.1:10000\" or \"[::1]:10000\"");
  }
  if (!ParseNumber(parts.port, 65535)) return Bad(quoted + " has no port between 0 and 65535");
  bool good = parts.bracketed ? IsV6(parts.host) : parts.host == "localhost" || IsV4(parts.host);
  if (!good) {
    return Bad(quoted + " does not start with an IP address (IPv6 in brackets) or localhost");
  }
  return {};
}

bool IsLoopback(std::string_view address) {
  Parts parts;
  if (!Split(address, parts)) return false;
  if (parts.host == "localhost") return true;
  const auto ip = ParseIp(parts.host);
  return ip && forebay::IsLoopback(*ip);
}

Result<> CheckSource(std::string_view source) {
  std::string quoted = "\"" + std::string(source) + "\"";
  if (std::size_t slash = source.find('/'); slash != std::string_view::npos) {
    std::string_view network = source.substr(0, slash);
    std::string_view bits = source.substr(slash + 1);
    if ((IsV4(network) && ParseNumber(bits, 32)) || (IsV6(network) && ParseNumber(bits, 128))) {
      return {};
    }
    return Bad(quoted + " is not a network such as \"10.0.0.0/8\"");
  }
  if (IsV6(source)) return {};
  Parts parts;
  bool good = Split(source, parts) && (!parts.has_port || ParseNumber(parts.port, 65535)) &&
              (parts.bracketed ? IsV6(parts.host) : IsHostName(parts.host));
  if (!good) return Bad(quoted + " is not a network, a host, or HOST:PORT");
  return {};
}

}  // namespace forebay::config
