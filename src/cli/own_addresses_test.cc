#include "cli/own_addresses.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

IpBytes Ip(const char* text) { return *ParseIp(text); }

TEST(OwnAddressesTest, OneAddressIsWhatItIsBoundTo) {
  const OwnAddresses own({{Ip("127.0.0.1"), 10'000}});
  EXPECT_TRUE(own.Are("http://127.0.0.1:10000"));
  EXPECT_TRUE(own.Are("https://127.0.0.1:10000")) << "whatever it speaks, it is this server";
  EXPECT_TRUE(own.Are("http://localhost:10000"));
  EXPECT_TRUE(own.Are("http://acct.blob.localhost:10000"));
  EXPECT_FALSE(own.Are("http://127.0.0.1:10001")) << "another port";
  EXPECT_FALSE(own.Are("http://127.0.0.1"));
  EXPECT_FALSE(own.Are("http://127.0.0.2:10000")) << "another server's, perhaps";
  EXPECT_FALSE(own.Are("http://[::1]:10000"));
  EXPECT_TRUE(own.Are("http://0.0.0.0:10000")) << "which leads to the loopback address";
}

TEST(OwnAddressesTest, EverywhereIsAllOfThisMachine) {
  for (const char* bound : {"0.0.0.0", "::"}) {
    const OwnAddresses own({{Ip(bound), 443}, {Ip("127.0.0.1"), 10'000}});
    EXPECT_TRUE(own.Are("https://127.0.0.1"));
    EXPECT_TRUE(own.Are("https://127.8.9.10:443"));
    EXPECT_TRUE(own.Are("https://[::1]"));
    EXPECT_TRUE(own.Are("https://0.0.0.0:443"));
    EXPECT_FALSE(own.Are("https://192.0.2.1")) << "an address that nobody has";
    EXPECT_FALSE(own.Are("http://[::1]:10000"));
  }
}

TEST(OwnAddressesTest, WhatIsNoOriginIsNotOurs) {
  const OwnAddresses own({{Ip("0.0.0.0"), 80}});
  for (const char* origin :
       {"", "ftp://127.0.0.1", "http://127.0.0.1:80x", "http://[::1", "http://"}) {
    EXPECT_FALSE(own.Are(origin)) << origin;
  }
  EXPECT_FALSE(OwnAddresses().Are("http://127.0.0.1:80"));
}

TEST(OwnAddressesTest, NothingIsOursBeforeThePortsAreKnown) {
  OwnAddresses own;
  EXPECT_FALSE(own.Meet(Ip("127.0.0.1"), 10'000));
  own.Set({{Ip("127.0.0.1"), 10'000}, {Ip("0.0.0.0"), 10'001}});
  EXPECT_TRUE(own.Meet(Ip("127.0.0.1"), 10'000));
  EXPECT_FALSE(own.Meet(Ip("127.0.0.2"), 10'000));
  EXPECT_TRUE(own.Meet(Ip("127.0.0.2"), 10'001));
  EXPECT_FALSE(own.Meet(Ip("127.0.0.1"), 10'002));
}

}  // namespace
}  // namespace forebay::cli
