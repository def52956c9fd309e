// Where this server listens, and whether an address or an endpoint leads back to it: what its
// listeners are bound to, against what a host's name means here.
//
// What a proxy in front answers for is not seen: only where a connection from this machine ends.
// Thread safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace forebay::cli {

class OwnAddresses {
 public:
  struct Bound {
    IpBytes address{};
    std::uint16_t port = 0;
  };
  OwnAddresses() = default;
  explicit OwnAddresses(std::vector<Bound> bound) : bound_(std::move(bound)) {}

  // Once the listeners have their ports; until then nothing is ours.
  void Set(std::vector<Bound> bound);
  // Does not wait for anybody.
  bool Meet(const IpBytes& address, std::uint16_t port) const;
  // `origin`: "https://acct.blob.example.com", "http://[::1]:10000". Asks for the name only where
  // the port is one of ours. Blocks.
  bool Are(const std::string& origin) const;

 private:
  std::vector<Bound> On(std::uint16_t port) const;

  mutable std::mutex mutex_;
  std::vector<Bound> bound_;
};

}  // namespace forebay::cli
