#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace forebay {

std::optional<IpBytes> ParseIp(std::string_view text) {
  // inet_pton stops at a NUL, and would not see what follows.
  if (text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return std::nullopt;
  const std::string copy(text);
  IpBytes out{};
  if (inet_pton(AF_INET, copy.c_str(), out.data() + 12) == 1) {
    out[10] = out[11] = 0xFF;
    return out;
  }
  if (inet_pton(AF_INET6, copy.c_str(), out.data()) == 1) return out;
  return std::nullopt;
}

bool IsIpv4(const IpBytes& address) {
  constexpr IpBytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(address.begin(), address.begin() + 12, kMapped.begin());
}

bool IsLoopback(const IpBytes& address) {
  constexpr IpBytes kSix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address == kSix || (IsIpv4(address) && address[12] == 127);
}

}  // namespace forebay
