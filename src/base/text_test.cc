// Encodings, units, dates, UUIDs and the error registry.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/error.h"
#include "base/http_date.h"
#include "base/ip_address.h"
#include "base/strong.h"
#include "base/units.h"
#include "base/uuid.h"

namespace forebay {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

TEST(Base64, Rfc4648Vectors) {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "//4="}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(Base64Encode(AsBytes(plain)), text);
    EXPECT_EQ(Base64Decode(text), plain);
    EXPECT_EQ(Base64DecodeLenient(text), plain);
  }
}
TEST(Base64, StrictRefusesAllElse) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v\n", "Zm 9",
                          "Zh==", "Zm9=", "=Zm9", "Zg==Zg==", "//4-"}) {
    EXPECT_FALSE(Base64Decode(bad)) << bad;
  }
  EXPECT_EQ(Base64DecodeLenient("Zm\n9v!"), "foo");
  EXPECT_EQ(Base64DecodeLenient("__4"), "\xff\xfe");
}
TEST(Percent, EncodesAndDecodes) {
  EXPECT_EQ(PercentEncode("a/b c%\xc3\xa9~"), "a%2Fb%20c%25%C3%A9~");
  EXPECT_EQ(PercentEncode("a/b", "/"), "a/b");
  EXPECT_EQ(PercentDecode("a%2fb+c%00"), "a/b+c\0"s);
  for (const char* bad : {"%", "%1", "%g1", "a%4"}) EXPECT_FALSE(PercentDecode(bad)) << bad;
  EXPECT_EQ(HexEncode(AsBytes("\x01\xab")), "01ab");
}
TEST(Utf8, KnowsWellFormedText) {
  for (const std::string& good :
       {""s, "a\0b"s, "\xc2\x80"s, "\xe2\x82\xac"s, "\xed\x9f\xbf"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_TRUE(IsValidUtf8(good));
  }
  for (const std::string& bad :
       {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s, "\xf0\x80\x80\x80"s,
        "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xc3"s, "\xe2\x82"s, "\xe2\x28\xa1"s}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << HexEncode(AsBytes(bad));
  }
}
TEST(Ascii, IgnoresCase) {
  EXPECT_TRUE(EqualsIgnoreCase("Content-MD5", "content-md5"));
  EXPECT_FALSE(EqualsIgnoreCase("a", "ab"));
  EXPECT_EQ(ToLowerAscii("X-Ms-\xc3\x89"), "x-ms-\xc3\x89");
}

TEST(Units, Bytes) {
  EXPECT_EQ(*ParseBytes("4096"), 4096u);
  EXPECT_EQ(*ParseBytes("64MiB"), 64u << 20);
  EXPECT_EQ(*ParseBytes("64 mib"), 64u << 20);
  EXPECT_EQ(*ParseBytes("1.5GiB"), 3u << 29);
  EXPECT_EQ(*ParseBytes("10MB"), 10'000'000u);
  for (const char* bad :
       {"", "MiB", "-1", "1XB", "1.MiB", "9999999TiB", "99999999999999999999", "1 2"}) {
    EXPECT_FALSE(ParseBytes(bad)) << bad;
  }
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(64u << 20), "64MiB");
  EXPECT_EQ(FormatBytes(1536), "1.5KiB");
  EXPECT_EQ(FormatBytes((std::uint64_t{1} << 62)), "4194304TiB");
}
TEST(Units, Durations) {
  EXPECT_EQ(*ParseDuration("30s"), 30s);
  EXPECT_EQ(*ParseDuration("1h30m"), 90min);
  EXPECT_EQ(*ParseDuration("7d"), 168h);
  EXPECT_EQ(*ParseDuration("250ms"), 250ms);
  EXPECT_EQ(*ParseDuration("0"), 0s);
  for (const char* bad : {"", "30", "s", "1m1h", "1s1s", "-1s", "1 s", "1.5s", "200000d", "1y"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
  for (auto d : {0ns, 1ns, 90000000000ns, 604800000000000ns, 1500000ns}) {
    EXPECT_EQ(*ParseDuration(FormatDuration(d)), d) << FormatDuration(d);
  }
  EXPECT_EQ(FormatDuration(168h), "7d");
  EXPECT_EQ(FormatDuration(-90s), "-1m30s");
}

constexpr WallTime k1994 = WallTime::FromSeconds(784111777);

TEST(HttpDate, AllThreeFormsOfRfc9110) {
  EXPECT_EQ(FormatHttpDate(k1994), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), k1994);
  EXPECT_EQ(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), k1994);
  EXPECT_EQ(ParseHttpDate("Sun Nov  6 08:49:37 1994"), k1994);
  for (const char* bad : {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
                          "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(ParseHttpDate(bad)) << bad;
  }
}
TEST(HttpDate, RoundTripsDaysAcrossLeapYears) {
  for (std::int64_t day = -1000; day < 40'000; day += 13) {
    WallTime t = WallTime::FromSeconds(day * 86400 + 86399);
    ASSERT_EQ(ParseHttpDate(FormatHttpDate(t)), t);
    t.ticks += 1234567;
    ASSERT_EQ(ParseIso8601(FormatIso8601(t)), t);
  }
}
TEST(Iso8601, FormatsAsAzureDoes) {
  WallTime t = WallTime::FromSeconds(1795231980);
  t.ticks += 1234567;
  EXPECT_EQ(FormatIso8601(t), "2026-11-21T03:33:00.1234567Z");
  EXPECT_EQ(FormatIso8601(t, 3), "2026-11-21T03:33:00.123Z");
  EXPECT_EQ(FormatIso8601(t, 0), "2026-11-21T03:33:00Z");
}
TEST(Iso8601, ParsesTheFormsOfSas) {
  WallTime minute = WallTime::FromSeconds(1795231980);
  EXPECT_EQ(ParseIso8601("2026-11-21"), WallTime::FromSeconds(1795219200));
  EXPECT_EQ(ParseIso8601("2026-11-21T03:33Z"), minute);
  EXPECT_EQ(ParseIso8601("2026-11-21T03:33:00Z"), minute);
  EXPECT_EQ(ParseIso8601("2026-11-21T03:33:00.5Z")->ticks, minute.ticks + 5'000'000);
  EXPECT_EQ(ParseIso8601("2026-11-21T03:33:00.0000001Z")->ticks, minute.ticks + 1);
  EXPECT_EQ(ParseIso8601("2026-11-21T04:33:00+01:00"), minute);
  EXPECT_EQ(ParseIso8601("2026-11-20T22:03-05:30"), minute);
  for (const char* bad :
       {"", "2026", "2026-11", "2026-02-29", "2026-13-01", "2026-11-21T", "2026-11-21T03",
        "2026-11-21T03:33", "2026-11-21T03:33:00", "2026-11-21T03:33:00.Z",
        "2026-11-21T03:33:00.12345678Z", "2026-11-21T24:00Z", "2026-11-21 03:33Z",
        "2026-11-21T03:33Z ", "2026-11-21T03:33+1:00", "2026-11-21T03:60Z"}) {
    EXPECT_FALSE(ParseIso8601(bad)) << bad;
  }
}

TEST(Clock, SystemAndManual) {
  WallTime a = Clock::System().Now();
  EXPECT_GT(a, WallTime::FromSeconds(1'600'000'000));
  ManualClock manual;
  EXPECT_EQ(FormatIso8601(manual.Now(), 0), "2026-01-01T00:00:00Z");
  auto steady = manual.SteadyNow();
  manual.Advance(1500ms);
  EXPECT_EQ(manual.SteadyNow() - steady, 1500ms);
  EXPECT_EQ(manual.Now().millis() % 10'000, 1500);
}

TEST(Uuid, IsVersionFourAndUnique) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 2000; ++i) {
          std::string uuid = NewUuid();
          ASSERT_TRUE(std::regex_match(uuid, form)) << uuid;
          std::lock_guard lock(mutex);
          ASSERT_TRUE(seen.insert(uuid).second);
        }
      });
    }
  }
}

TEST(IpAddress, BothFamiliesAndNothingElse) {
  const IpBytes v4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 168, 1, 20};
  EXPECT_EQ(ParseIp("192.168.1.20"), v4);
  EXPECT_EQ(ParseIp("::ffff:192.168.1.20"), v4);
  const IpBytes loopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(ParseIp("::1"), loopback);
  EXPECT_TRUE(ParseIp("0000:0000:0000:0000:0000:ffff:255.255.255.255"));
  for (const std::string_view bad :
       {std::string_view(), std::string_view("1.2.3"), std::string_view("1.2.3.4 "),
        std::string_view("1.2.3.4:80"), std::string_view("01.2.3.4"), std::string_view("[::1]"),
        std::string_view("fe80::1%eth0"), std::string_view("host"),
        std::string_view("1.2.3.4\0x", 9)}) {
    EXPECT_FALSE(ParseIp(bad)) << bad;
  }
}

TEST(IpAddress, FamiliesAndLoopback) {
  EXPECT_TRUE(IsIpv4(*ParseIp("192.168.1.20")));
  EXPECT_TRUE(IsIpv4(*ParseIp("::ffff:1.2.3.4")));
  EXPECT_FALSE(IsIpv4(*ParseIp("::1")));
  EXPECT_FALSE(IsIpv4(*ParseIp("::")));
  for (const char* here : {"127.0.0.1", "127.255.255.255", "::ffff:127.0.0.1", "::1"}) {
    EXPECT_TRUE(IsLoopback(*ParseIp(here))) << here;
  }
  for (const char* other : {"126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "1::1"}) {
    EXPECT_FALSE(IsLoopback(*ParseIp(other))) << other;
  }
}

TEST(Error, EveryCodeHasItsName) {
  std::ifstream in(std::string(FOREBAY_SOURCE_DIR) + "/src/base/error.h");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  std::regex row(R"(\n  k(\w+) = (\d+),)");
  int count = 0;
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at, ++count) {
    EXPECT_EQ(CodeName(static_cast<Code>(std::stoi((*at)[2]))), (*at)[1].str());
  }
  EXPECT_GT(count, 100);
}

TEST(Error, NamesAndRetryability) {
  EXPECT_EQ(CodeName(Code::kBlobNotFound), "BlobNotFound");
  EXPECT_EQ(CodeName(static_cast<Code>(9999)), "UnknownCode");
  EXPECT_TRUE(Error(Code::kBusy, "").retryable());
  EXPECT_TRUE(Error(Code::kServerBusy, "").retryable());
  EXPECT_FALSE(Error(Code::kCorruption, "").retryable());
  EXPECT_FALSE(Error(Code::kCancelled, "").retryable());
  Error error = Error(Code::kIo, "It broke.").WithDetail("why");
  EXPECT_EQ(error.ToString(), "Io: It broke.");
  EXPECT_EQ(error.detail(), "why");
}

}  // namespace
}  // namespace forebay
