#include "cli/own_addresses.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
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

std::vector<IpBytes> Resolve(const std::string& host) {
  if (auto known = http::AddressesOf(host); !known.empty()) return known;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(list, ::freeaddrinfo);
  std::vector<IpBytes> out;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    if (const auto address = http::BytesOf(at->ai_addr)) out.push_back(*address);
  }
  return out;
}

}  // namespace

void OwnAddresses::Set(std::vector<Bound> bound) {
  const std::lock_guard lock(mutex_);
  bound_ = std::move(bound);
}

std::vector<OwnAddresses::Bound> OwnAddresses::On(std::uint16_t port) const {
  const std::lock_guard lock(mutex_);
  std::vector<Bound> out = bound_;
  std::erase_if(out, [port](const Bound& one) { return one.port != port; });
  return out;
}

bool OwnAddresses::Meet(const IpBytes& address, std::uint16_t port) const {
  return std::ranges::any_of(On(port), [&](const Bound& one) {
    return http::Meets(address, one.address, &http::InterfaceAddresses);
  });
}

bool OwnAddresses::Are(const std::string& origin) const {
  const auto at = Split(origin);
  if (!at || On(at->port).empty()) return false;
  return std::ranges::any_of(Resolve(at->host),
                             [&](const IpBytes& one) { return Meet(one, at->port); });
}

}  // namespace forebay::cli
