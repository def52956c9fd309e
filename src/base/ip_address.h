// IP addresses as 16 bytes, so that both families compare alike. Pure, thread safe, no name
// resolution.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace forebay {

// An address of either family; IPv4 is kept as ::ffff:a.b.c.d.
using IpBytes = std::array<std::uint8_t, 16>;

// nullopt for anything but a plain address: no brackets, no zone, no port, nothing behind it.
std::optional<IpBytes> ParseIp(std::string_view text);

bool IsIpv4(const IpBytes& address);
// All of 127.0.0.0/8, and ::1.
bool IsLoopback(const IpBytes& address);

}  // namespace forebay
