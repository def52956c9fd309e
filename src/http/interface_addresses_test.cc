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

TEST(InterfaceAddresses, HostsThatNobodyHasToResolve) {
  const auto local = ::testing::ElementsAre(*ParseIp("127.0.0.1"), *ParseIp("::1"));
  for (const char* host : {"localhost", "LocalHost", "acct.blob.localhost"}) {
    EXPECT_THAT(AddressesOf(host), local) << host;
  }
  EXPECT_THAT(AddressesOf("10.1.2.3"), ::testing::ElementsAre(*ParseIp("10.1.2.3")));
  EXPECT_THAT(AddressesOf("2001:DB8::1"), ::testing::ElementsAre(*ParseIp("2001:db8::1")));
  for (const char* host : {"", ".localhost", "notlocalhost", "localhost.example", "[::1]"}) {
    EXPECT_THAT(AddressesOf(host), ::testing::IsEmpty()) << host;
  }
}

TEST(InterfaceAddresses, WhomAConnectionMeets) {
  struct Case {
    const char* bound;
    const char* address;
    bool meets;
  };
  const std::vector<Case> cases = {
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "::ffff:10.1.2.3", true},
      {"10.1.2.3", "10.9.9.9", false},  // ours too, but nobody listens there
      {"127.0.0.1", "127.0.0.2", false},
      {"127.0.0.1", "::1", false},
      {"127.0.0.1", "0.0.0.0", true},  // where Linux connects to
      {"127.0.0.2", "0.0.0.0", false},
      {"10.1.2.3", "0.0.0.0", false},
      {"::1", "::", true},
      {"::1", "0.0.0.0", false},
      {"0.0.0.0", "10.9.9.9", true},
      {"0.0.0.0", "127.0.0.2", true},
      {"0.0.0.0", "0.0.0.0", true},
      {"0.0.0.0", "10.1.2.4", false},     // somebody else's
      {"0.0.0.0", "2001:db8::1", false},  // not listened on
      {"::", "2001:db8::1", true},
      {"::", "10.1.2.3", true},
      {"::", "::1", true},
      {"::", "2001:db8::2", false},
  };
  int asked = 0;
  const auto interfaces = [&asked] {
    ++asked;
    return std::vector<IpBytes>{*ParseIp("10.1.2.3"), *ParseIp("10.9.9.9"),
                                *ParseIp("2001:db8::1")};
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Meets(*ParseIp(one.address), *ParseIp(one.bound), interfaces), one.meets)
        << one.bound << " " << one.address;
  }
  EXPECT_EQ(asked, 5) << "only where that decides";
}

}  // namespace
}  // namespace forebay::http
