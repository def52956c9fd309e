// The addresses of this machine's network interfaces, as they are now: they come and go with links,
// DHCP and containers. A few system calls; thread safe, does not wait for anybody.
#pragma once

#include <vector>

#include "base/ip_address.h"

namespace forebay::http {

// Of both families, loopback among them; empty where the kernel does not say.
std::vector<IpBytes> InterfaceAddresses();

}  // namespace forebay::http
