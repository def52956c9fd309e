// Addresses as the configuration writes them. Pure functions, thread safe, no name resolution.
#pragma once

#include <string_view>

#include "base/result.h"

namespace forebay::config {

// "127.0.0.1:10000", "[::1]:10000", "localhost:10000": an IP address or localhost, and a port (0:
// the kernel chooses). kInvalidConfig with what is wrong.
Result<> CheckAddress(std::string_view address);
// Whether only this machine can reach it. The address must have passed CheckAddress.
bool IsLoopback(std::string_view address);
// A network "10.0.0.0/8", or a host name or IP address with or without ":port" ("[::1]:80").
Result<> CheckSource(std::string_view source);

}  // namespace forebay::config
