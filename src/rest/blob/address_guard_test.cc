#include "rest/blob/address_guard.h"

#include <gtest/gtest.h>

namespace forebay::rest {
namespace {

AddressGuard Guard(std::vector<std::string> allow = {}) {
  auto guard = AddressGuard::Make(allow);
  EXPECT_TRUE(guard.has_value());
  return std::move(*guard);
}

TEST(AddressGuardTest, RefusesWhatOnlyTheServerCanReach) {
  const AddressGuard guard = Guard();
  for (const char* ip : {"127.0.0.1",
                         "127.255.255.254",
                         "0.0.0.0",
                         "10.0.0.1",
                         "10.255.255.255",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.168.1.1",
                         "169.254.169.254",
                         "100.64.0.1",
                         "100.127.255.255",
                         "168.63.129.16",
                         "224.0.0.1",
                         "255.255.255.255",
                         "198.18.0.1",
                         "192.0.0.1",
                         "::",
                         "::1",
                         "fe80::1",
                         "febf::1",
                         "fc00::1",
                         "fd00:ec2::254",
                         "fdff::1",
                         "ff02::1",
                         "fec0::1"}) {
    EXPECT_FALSE(guard.Allows(ip, 80)) << ip;
  }
}

TEST(AddressGuardTest, LooksIntoIpv6ForAnIpv4Address) {
  const AddressGuard guard = Guard();
  for (const char* ip : {"::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::127.0.0.1",
                         "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1",
                         "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378::1"}) {
    EXPECT_FALSE(guard.Allows(ip, 80)) << ip;
  }
  EXPECT_TRUE(guard.Allows("::ffff:20.60.1.2", 443));
  EXPECT_TRUE(guard.Allows("64:ff9b::20.60.1.2", 443));
}

TEST(AddressGuardTest, RefusesWhatItCannotRead) {
  const AddressGuard guard = Guard();
  for (const char* ip : {"", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "fe80::1%eth0",
                         "[::1]", "20.60.1.2 ", "20.60.1", "020.060.1.2.3"}) {
    EXPECT_FALSE(guard.Allows(ip, 80)) << ip;
  }
}

TEST(AddressGuardTest, AllowsThePublicInternet) {
  const AddressGuard guard = Guard();
  for (const char* ip :
       {"20.60.1.2", "8.8.8.8", "172.15.255.255", "172.32.0.1", "192.167.1.1", "100.63.255.255",
        "100.128.0.1", "11.0.0.1", "2603:1030::1", "2a01:111::1"}) {
    EXPECT_TRUE(guard.Allows(ip, 443)) << ip;
  }
}

TEST(AddressGuardTest, AllowsWhatIsListed) {
  const AddressGuard guard = Guard({"10.1.0.0/16", "fd00:1::/32", "192.168.5.6", "127.0.0.1:9000",
                                    "[::1]:9000", "store.internal:9000", "Trusted.Internal"});
  EXPECT_TRUE(guard.Allows("10.1.2.3", 80));
  EXPECT_TRUE(guard.Allows("::ffff:10.1.2.3", 80));
  EXPECT_FALSE(guard.Allows("10.2.0.1", 80));
  EXPECT_TRUE(guard.Allows("fd00:1::5", 80));
  EXPECT_FALSE(guard.Allows("fd00:2::5", 80));
  EXPECT_TRUE(guard.Allows("192.168.5.6", 1));
  EXPECT_FALSE(guard.Allows("192.168.5.7", 1));
  EXPECT_TRUE(guard.Allows("127.0.0.1", 9000));
  EXPECT_FALSE(guard.Allows("127.0.0.1", 9001));
  EXPECT_TRUE(guard.Allows("::1", 9000));
  EXPECT_TRUE(guard.TrustsHost("STORE.internal", 9000));
  EXPECT_FALSE(guard.TrustsHost("store.internal", 80));
  EXPECT_TRUE(guard.TrustsHost("trusted.internal", 80));
  EXPECT_FALSE(guard.TrustsHost("evil.trusted.internal", 80));
}

TEST(AddressGuardTest, RefusesAListThatMakesNoSense) {
  for (const char* entry : {"", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "host:0", "host:99999",
                            "[::1", "a b", "http://host"}) {
    const auto guard = AddressGuard::Make({entry});
    ASSERT_FALSE(guard.has_value()) << entry;
    EXPECT_EQ(guard.error().code(), Code::kInvalidConfig);
  }
}

}  // namespace
}  // namespace forebay::rest
