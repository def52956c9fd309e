// Which addresses a copy source may be fetched from: the guard against server-side request forgery.
//
// A client names a URL and the server fetches it, so the URL must not reach what only the server
// can reach: loopback, private and link-local networks, metadata services. Every address a name
// resolves to is asked about right before connecting to it (http::ClientOptions::allow_address).
// What an operator lists is allowed. Immutable after Make, thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace forebay::rest {

// True for every address that is not plainly a host of the public internet. An IPv4 address inside
// an IPv6 one (mapped, compatible, NAT64, 6to4) is judged as itself.
bool IsInternalAddress(const IpBytes& address);

class AddressGuard {
 public:
  // Entries: "10.1.0.0/16", "fd00::/8", "10.1.2.3", "10.1.2.3:9000", "[fd00::1]:9000",
  // "store.internal", "store.internal:9000". kInvalidConfig for anything else.
  static Result<AddressGuard> Make(const std::vector<std::string>& allow);

  // True where connecting to this address is allowed. What does not parse is refused.
  bool Allows(std::string_view ip, std::uint16_t port) const;
  // True where the operator listed this host by name: whatever it resolves to is allowed then.
  bool TrustsHost(std::string_view host, std::uint16_t port) const;

 private:
  struct Network {
    IpBytes address{};
    unsigned bits = 128;
    std::optional<std::uint16_t> port;
  };
  struct Host {
    std::string name;  // lower case
    std::optional<std::uint16_t> port;
  };
  std::vector<Network> networks_;
  std::vector<Host> hosts_;
};

}  // namespace forebay::rest
