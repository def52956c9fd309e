#include "rest/blob/address_guard.h"

#include <algorithm>
#include <cstring>

#include "azure/wire.h"
#include "base/encoding.h"

namespace forebay::rest {
namespace {

constexpr unsigned kMappedBits = 96;  // ::ffff:0:0/96

bool InNetwork(const IpBytes& address, const IpBytes& network, unsigned bits) {
  const std::size_t whole = bits / 8;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                  network.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFFu << (8 - rest));
  return (address[whole] & mask) == (network[whole] & mask);
}

bool Within(const IpBytes& address, std::string_view network, unsigned bits) {
  const auto parsed = ParseIp(network);
  const bool v4 = network.find(':') == std::string_view::npos;
  return parsed && InNetwork(address, *parsed, v4 ? bits + kMappedBits : bits);
}

struct Block {
  std::string_view network;
  unsigned bits;
};

// RFC 6890 and what clouds keep for themselves (168.63.129.16 is Azure's host agent).
constexpr auto kInternalV4 = std::to_array<Block>({
    {"0.0.0.0", 8},
    {"10.0.0.0", 8},
    {"100.64.0.0", 10},
    {"127.0.0.0", 8},
    {"169.254.0.0", 16},
    {"172.16.0.0", 12},
    {"192.0.0.0", 24},
    {"192.0.2.0", 24},
    {"192.88.99.0", 24},
    {"192.168.0.0", 16},
    {"198.18.0.0", 15},
    {"198.51.100.0", 24},
    {"203.0.113.0", 24},
    {"224.0.0.0", 4},
    {"240.0.0.0", 4},
    {"168.63.129.16", 32},
});

bool IsInternalV4(const IpBytes& mapped) {
  return std::ranges::any_of(
      kInternalV4, [&](const Block& block) { return Within(mapped, block.network, block.bits); });
}

// The IPv4 address in four bytes of an IPv6 one.
IpBytes MappedFrom(const IpBytes& address, std::size_t offset) {
  IpBytes out{};
  out[10] = out[11] = 0xFF;
  std::memcpy(out.data() + 12, address.data() + offset, 4);
  return out;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  const auto number = azure::ParseUint(text);
  if (!number || *number == 0 || *number > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

struct HostPort {
  std::string_view host;
  std::optional<std::uint16_t> port;
};

// nullopt when the port is none.
std::optional<HostPort> SplitHostPort(std::string_view text) {
  std::string_view port;
  std::string_view host = text;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) return HostPort{host, std::nullopt};
    if (!rest.starts_with(':')) return std::nullopt;
    port = rest.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    const std::size_t colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  } else {
    return HostPort{host, std::nullopt};
  }
  const auto number = ParsePort(port);
  if (!number) return std::nullopt;
  return HostPort{host, number};
}

bool IsHostName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

Error BadEntry(const std::string& entry) {
  return Error(Code::kInvalidConfig, "\"" + entry +
                                         "\" is no copy source to allow: expected a network "
                                         "(10.1.0.0/16), an address, or a host, each of the last "
                                         "two with or without :port.");
}

}  // namespace

bool IsInternalAddress(const IpBytes& address) {
  if (Within(address, "::ffff:0:0", 96)) return IsInternalV4(address);
  if (Within(address, "64:ff9b::", 96)) return IsInternalV4(MappedFrom(address, 12));
  if (Within(address, "2002::", 16)) return IsInternalV4(MappedFrom(address, 2));
  // Only 2000::/3 is given out to public hosts; Teredo and documentation prefixes lie inside it.
  if (!Within(address, "2000::", 3)) return true;
  return Within(address, "2001::", 23) || Within(address, "2001:db8::", 32);
}

Result<AddressGuard> AddressGuard::Make(const std::vector<std::string>& allow) {
  AddressGuard guard;
  for (const std::string& entry : allow) {
    if (const std::size_t slash = entry.find('/'); slash != std::string::npos) {
      const auto address = ParseIp(std::string_view(entry).substr(0, slash));
      const auto bits = azure::ParseUint(std::string_view(entry).substr(slash + 1));
      const bool v4 = entry.find(':') == std::string::npos;
      if (!address || !bits || *bits > (v4 ? 32u : 128u)) return Fail(BadEntry(entry));
      guard.networks_.push_back(
          {*address, static_cast<unsigned>(*bits) + (v4 ? kMappedBits : 0), std::nullopt});
      continue;
    }
    const auto parts = SplitHostPort(entry);
    if (!parts) return Fail(BadEntry(entry));
    if (const auto address = ParseIp(parts->host)) {
      guard.networks_.push_back({*address, 128, parts->port});
    } else if (IsHostName(parts->host)) {
      guard.hosts_.push_back({ToLowerAscii(parts->host), parts->port});
    } else {
      return Fail(BadEntry(entry));
    }
  }
  return guard;
}

bool AddressGuard::Allows(std::string_view ip, std::uint16_t port) const {
  const auto address = ParseIp(ip);
  if (!address) return false;
  for (const Network& network : networks_) {
    if (network.port && *network.port != port) continue;
    if (InNetwork(*address, network.address, network.bits)) return true;
  }
  return !IsInternalAddress(*address);
}

bool AddressGuard::TrustsHost(std::string_view host, std::uint16_t port) const {
  const std::string name = ToLowerAscii(host);
  return std::ranges::any_of(hosts_, [&](const Host& allowed) {
    return allowed.name == name && (!allowed.port || *allowed.port == port);
  });
}

}  // namespace forebay::rest
