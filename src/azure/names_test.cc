#include "azure/names.h"

#include <gtest/gtest.h>

#include "azure/version.h"

namespace forebay::azure {
namespace {

TEST(Names, Containers) {
  for (const char* good : {"abc", "a-b-c", "0ab", "a1b", "$root", "$web", "$logs"}) {
    EXPECT_TRUE(ParseContainerName(good)) << good;
  }
  EXPECT_TRUE(ParseContainerName(std::string(63, 'a')));
  EXPECT_EQ(ParseContainerName(std::string(64, 'a')).error().code(), Code::kOutOfRangeInput);
  EXPECT_EQ(ParseContainerName("ab").error().code(), Code::kOutOfRangeInput);
  for (const char* bad : {"Abc", "a_b", "-ab", "ab-", "a--b", "a.b", "$other", "a b", "名前名"}) {
    auto parsed = ParseContainerName(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidResourceName) << bad;
  }
  EXPECT_TRUE(IsSystemContainer(ContainerName("$web")));
}

TEST(Names, BlobLengthIsCountedInUtf16) {
  auto repeat = [](std::string_view text, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += text;
    return out;
  };
  EXPECT_TRUE(ParseBlobName(repeat("名", 1024)));
  EXPECT_FALSE(ParseBlobName(repeat("名", 1025)));
  EXPECT_TRUE(ParseBlobName(repeat("😀", 512)));
  EXPECT_FALSE(ParseBlobName(repeat("😀", 513)));
  EXPECT_TRUE(ParseBlobName(repeat("a/", 253) + "b"));
  EXPECT_EQ(ParseBlobName(repeat("a/", 254) + "b").error().code(), Code::kInvalidResourceName);
  EXPECT_FALSE(ParseBlobName(""));
  EXPECT_FALSE(ParseBlobName(std::string("a\0b", 3)));
  EXPECT_FALSE(ParseBlobName("\xC0\xAF"));
  EXPECT_TRUE(ParseBlobName("\x01\n"));
}

TEST(Names, BlockIds) {
  auto id = ParseBlockId("aWQtMDE=");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->view(), "id-01");
  EXPECT_EQ(FormatBlockId(*id), "aWQtMDE=");
  EXPECT_TRUE(ParseBlockId(FormatBlockId(BlockId(std::string(64, '\xFF')))));
  EXPECT_FALSE(ParseBlockId(FormatBlockId(BlockId(std::string(65, 'x')))));
  for (const char* bad : {"", "a", "a===", "a b=", "####"}) {
    auto parsed = ParseBlockId(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidBlockId);
  }
}

TEST(Names, ETags) {
  EXPECT_EQ(QuoteETag(ETag("0x8D1")), "\"0x8D1\"");
  EXPECT_EQ(UnquoteETag("\"0x8D1\"").view(), "0x8D1");
  EXPECT_EQ(UnquoteETag("W/\"0x8D1\"").view(), "0x8D1");
  EXPECT_EQ(UnquoteETag("0x8D1").view(), "0x8D1");
  EXPECT_TRUE(MakeETag(255).view().starts_with("0x8D"));
  EXPECT_NE(MakeETag(1), MakeETag(2));
}

TEST(Names, Accounts) {
  EXPECT_TRUE(ParseAccountName("devstoreaccount1"));
  for (const char* bad : {"ab", "Upper", "a-b", "", "abcdefghijklmnopqrstuvwxy"}) {
    EXPECT_FALSE(ParseAccountName(bad)) << bad;
  }
}

TEST(Version, ParsesComparesAndAcceptsTheFuture) {
  EXPECT_LT(*ServiceVersion::Parse("2015-02-21"), *ServiceVersion::Parse("2015-04-05"));
  EXPECT_GT(*ServiceVersion::Parse("2031-01-01"), kNewestVersion);
  EXPECT_EQ(ServiceVersion::Parse("2025-07-05")->ToString(), "2025-07-05");
  for (const char* bad :
       {"", "2025", "2025-13-01", "2025-02-30", "1999-01-01", "2025-07-05Z", "x"}) {
    EXPECT_FALSE(ServiceVersion::Parse(bad)) << bad;
  }
  EXPECT_TRUE(ServiceVersion().empty());
  EXPECT_EQ(ServiceVersion().ToString(), "");
}

}  // namespace
}  // namespace forebay::azure
