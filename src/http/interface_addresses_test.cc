#include "http/interface_addresses.h"

#include <gmock/gmock.h>

namespace forebay::http {
namespace {

TEST(InterfaceAddresses, HasLoopback) {
  EXPECT_THAT(InterfaceAddresses(), ::testing::Contains(*ParseIp("127.0.0.1")));
}

TEST(InterfaceAddresses, HasNoAddressOfSomebodyElse) {
  // Kept for documentation (RFC 5737, RFC 3849): no interface has them.
  for (const char* address : {"203.0.113.7", "2001:db8::7", "0.0.0.0", "::"}) {
    EXPECT_THAT(InterfaceAddresses(), ::testing::Not(::testing::Contains(*ParseIp(address))))
        << address;
  }
}

}  // namespace
}  // namespace forebay::http
