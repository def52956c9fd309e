#include "http/interface_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "base/encoding.h"

namespace forebay::http {

std::optional<IpBytes> BytesOf(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  IpBytes out{};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    out[10] = out[11] = 0xFF;
    std::memcpy(out.data() + 12, &v4.sin_addr, sizeof v4.sin_addr);
    return out;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6;
  std::memcpy(&v6, address, sizeof v6);
  std::memcpy(out.data(), &v6.sin6_addr, out.size());
  return out;
}

std::vector<IpBytes> InterfaceAddresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<IpBytes> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (const auto bytes = BytesOf(entry->ifa_addr)) out.push_back(*bytes);
  }
  return out;
}

std::vector<IpBytes> AddressesOf(std::string_view host) {
  if (const auto address = ParseIp(host)) return {*address};
  constexpr std::string_view kLocal = "localhost", kBelow = ".localhost";
  const bool below = host.size() > kBelow.size() &&
                     EqualsIgnoreCase(host.substr(host.size() - kBelow.size()), kBelow);
  if (!below && !EqualsIgnoreCase(host, kLocal)) return {};
  return {*ParseIp("127.0.0.1"), *ParseIp("::1")};
}

bool Meets(const IpBytes& address, const IpBytes& bound,
           const std::function<std::vector<IpBytes>()>& interfaces) {
  if (address == bound) return true;
  const IpBytes every4 = *ParseIp("0.0.0.0"), every6 = *ParseIp("::");
  // Linux takes a connection to "any address" for one to the loopback address of that family.
  if (address == every4 && bound == *ParseIp("127.0.0.1")) return true;
  if (address == every6 && bound == *ParseIp("::1")) return true;
  if (bound != every4 && bound != every6) return false;
  // Who connects to "any address" meets this machine, too.
  if (IsLoopback(address) || address == every4 || address == every6) return true;
  // A listener on "::" has IPv4 as well, on one socket.
  if (bound == every4 && !IsIpv4(address)) return false;
  const std::vector<IpBytes> own = interfaces();
  return std::ranges::find(own, address) != own.end();
}

}  // namespace forebay::http
