#include "lake/endpoint.h"

#include <gtest/gtest.h>

namespace forebay::lake {
namespace {

TEST(LakeEndpoint, HostStyle) {
  const auto lake = ParseLakeEndpoint("https://Acct.blob.core.windows.net/data/raw%20in");
  ASSERT_TRUE(lake.has_value()) << lake.error().ToString();
  EXPECT_EQ(lake->origin, "https://acct.blob.core.windows.net");
  EXPECT_EQ(lake->dfs_origin, "https://acct.dfs.core.windows.net");
  EXPECT_EQ(lake->account, "acct");
  EXPECT_EQ(lake->container, "data");
  EXPECT_EQ(lake->prefix, "raw in/");
  EXPECT_FALSE(lake->path_style);
  EXPECT_EQ(lake->BlobPath("a+b/ä"), "/data/raw%20in/a%2Bb/%C3%A4");
  EXPECT_EQ(lake->Description(), "https://acct.blob.core.windows.net/data/raw%20in/");
  EXPECT_EQ(ParseLakeEndpoint("https://acct.dfs.core.windows.net/data")->origin, lake->origin);
}

TEST(LakeEndpoint, PathStyle) {
  const auto lake = ParseLakeEndpoint("http://127.0.0.1:10000/devstoreaccount1/data/");
  ASSERT_TRUE(lake.has_value()) << lake.error().ToString();
  EXPECT_EQ(lake->origin, "http://127.0.0.1:10000");
  EXPECT_EQ(lake->dfs_origin, lake->origin);
  EXPECT_EQ(lake->account, "devstoreaccount1");
  EXPECT_EQ(lake->prefix, "");
  EXPECT_EQ(lake->BlobPath("x"), "/devstoreaccount1/data/x");
}

TEST(LakeEndpoint, HostsOfOnesOwn) {
  EXPECT_FALSE(ParseLakeEndpoint("https://data.example.org/cont").has_value());
  const auto lake =
      ParseLakeEndpoint("https://data.example.org/cont", {.account = "acct1", .path_style = {}});
  ASSERT_TRUE(lake.has_value());
  EXPECT_EQ(lake->account, "acct1");
  EXPECT_EQ(lake->ContainerPath(), "/cont");
}

TEST(LakeEndpoint, RefusesWithoutRepeatingSecrets) {
  for (const char* url :
       {"https://acct.blob.core.windows.net/data?sv=1&sig=SECRET",
        "https://u:SECRET@acct.blob.core.windows.net/data", "ftp://acct.blob.core.windows.net/data",
        "acct/data", "https://acct.blob.core.windows.net", "http://127.0.0.1/acct",
        "https://acct.blob.core.windows.net/data/%zz"}) {
    const auto lake = ParseLakeEndpoint(url);
    ASSERT_FALSE(lake.has_value()) << url;
    EXPECT_EQ(lake.error().code(), Code::kInvalidConfig);
    EXPECT_FALSE(lake.error().message().contains("SECRET"));
  }
}

}  // namespace
}  // namespace forebay::lake
