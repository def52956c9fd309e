// Whether an endpoint leads to this server itself: what its listeners are bound to, against what a
// host's name means here.
//
// What a proxy in front answers for is not seen: only where a connection from this machine ends.
// Thread safe; a value but for Are, which may wait for name resolution.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace forebay::cli {

class OwnAddresses {
 public:
  struct Bound {
    std::string address;  // "127.0.0.1", "::"
    std::uint16_t port = 0;
  };
  OwnAddresses() = default;
  explicit OwnAddresses(std::vector<Bound> bound) : bound_(std::move(bound)) {}

  // `origin`: "https://acct.blob.example.com", "http://[::1]:10000". Asks for the name only where
  // the port is one of ours. Blocks.
  bool Are(const std::string& origin) const;

 private:
  std::vector<Bound> bound_;
};

}  // namespace forebay::cli
