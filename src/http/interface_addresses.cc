#include "http/interface_addresses.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <optional>

namespace forebay::http {
namespace {

std::optional<IpBytes> BytesOf(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;  // an interface without an address
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

}  // namespace

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

}  // namespace forebay::http
