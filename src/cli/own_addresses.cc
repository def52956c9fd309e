#include "cli/own_addresses.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "http/interface_addresses.h"

namespace forebay::cli {
namespace {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

std::optional<HostPort> Split(std::string_view origin) {
  HostPort out;
  constexpr std::string_view kTls = "https://", kPlain = "http://";
  if (origin.starts_with(kTls)) {
    out.port = 443;
    origin.remove_prefix(kTls.size());
  } else if (origin.starts_with(kPlain)) {
    out.port = 80;
    origin.remove_prefix(kPlain.size());
  } else {
    return std::nullopt;
  }
  const bool bracketed = origin.starts_with('[');
  const std::size_t end = bracketed ? origin.find(']') : origin.find(':');
  if (bracketed && end == origin.npos) return std::nullopt;
  out.host = std::string(bracketed ? origin.substr(1, end - 1) : origin.substr(0, end));
  const std::size_t colon = bracketed ? origin.find(':', end) : end;
  if (colon != origin.npos && colon < origin.size() && origin[colon] == ':') {
    const std::string_view digits = origin.substr(colon + 1);
    const auto [last, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (error != std::errc{} || last != digits.data() + digits.size()) return std::nullopt;
  }
  if (out.host.empty()) return std::nullopt;
  return out;
}

// The whole of 127.0.0.0/8 is this machine, and ::1.
bool IsLoopback(const IpBytes& address) {
  static const IpBytes kSix = *ParseIp("::1");
  static const IpBytes kFour = *ParseIp("127.0.0.1");
  return address == kSix || std::equal(kFour.begin(), kFour.begin() + 13, address.begin());
}

bool IsLocalhost(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost");
}

std::vector<IpBytes> Resolve(const std::string& host) {
  if (const auto literal = ParseIp(host)) return {*literal};
  if (IsLocalhost(host)) return {*ParseIp("127.0.0.1"), *ParseIp("::1")};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(list, ::freeaddrinfo);
  std::vector<IpBytes> out;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    char text[INET6_ADDRSTRLEN] = {};
    const void* address = nullptr;
    if (at->ai_family == AF_INET) {
      address = &reinterpret_cast<const sockaddr_in*>(at->ai_addr)->sin_addr;
    } else if (at->ai_family == AF_INET6) {
      address = &reinterpret_cast<const sockaddr_in6*>(at->ai_addr)->sin6_addr;
    }
    if (address == nullptr || ::inet_ntop(at->ai_family, address, text, sizeof text) == nullptr) {
      continue;
    }
    if (const auto parsed = ParseIp(text)) out.push_back(*parsed);
  }
  return out;
}

bool Meets(const IpBytes& address, const std::string& listens) {
  const auto bound = ParseIp(listens);
  if (!bound) return false;
  if (*bound == address) return true;
  const bool everywhere = *bound == *ParseIp("0.0.0.0") || *bound == *ParseIp("::");
  if (!everywhere) return false;
  // Whoever connects to "any address" meets this machine, too.
  if (IsLoopback(address) || address == *ParseIp("0.0.0.0") || address == *ParseIp("::")) {
    return true;
  }
  const std::vector<IpBytes> ours = http::InterfaceAddresses();
  return std::ranges::find(ours, address) != ours.end();
}

}  // namespace

bool OwnAddresses::Are(const std::string& origin) const {
  const auto at = Split(origin);
  if (!at) return false;
  const auto ours = [&](const Bound& bound) { return bound.port == at->port; };
  if (std::ranges::none_of(bound_, ours)) return false;
  const std::vector<IpBytes> addresses = Resolve(at->host);
  return std::ranges::any_of(bound_, [&](const Bound& bound) {
    return bound.port == at->port && std::ranges::any_of(addresses, [&](const IpBytes& one) {
             return Meets(one, bound.address);
           });
  });
}

}  // namespace forebay::cli
