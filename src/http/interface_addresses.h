// The addresses of this machine's network interfaces, as they are now: they come and go with links,
// DHCP and containers; and which listener somebody meets who connects from here. A few system
// calls; thread safe, does not wait for anybody.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace forebay::http {

// nullopt: of another family, or none.
std::optional<IpBytes> BytesOf(const sockaddr* address);

// Of both families, loopback among them; empty where the kernel does not say.
std::vector<IpBytes> InterfaceAddresses();

// What a URL's host (no brackets, no port) means where nobody has to be asked: an address, or
// localhost and the names below it (RFC 6761). Empty: a name that has to be resolved.
std::vector<IpBytes> AddressesOf(std::string_view host);

// Whether a connection from this machine to `address` ends at a listener bound to `bound`, on the
// same port. `interfaces` (InterfaceAddresses) is asked only where that decides: of a listener on
// all addresses.
bool Meets(const IpBytes& address, const IpBytes& bound,
           const std::function<std::vector<IpBytes>()>& interfaces);

}  // namespace forebay::http
