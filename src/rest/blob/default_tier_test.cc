// The account's default tier: what a blob without a tier of its own is shown with.
#include <gmock/gmock.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using testing::HasSubstr;

AccountsPtr WithDefault(std::string tier) {
  auto made = Accounts::Make({{.name = "devstoreaccount1",
                               .keys = {std::string(kTestKey)},
                               .default_access_tier = std::move(tier)}});
  EXPECT_TRUE(made.has_value());
  return made ? *made : nullptr;
}

TEST(DefaultTier, IsShownForBlobsWithoutATierOfTheirOwn) {
  ServiceFixture f;
  f.Put("/box?restype=container");
  f.PutBlob("/box/inferred", "hello");
  f.PutBlob("/box/hot", "hello", {{"x-ms-access-tier", "Hot"}});
  EXPECT_EQ(f.Send("HEAD", "/box/inferred").Header("x-ms-access-tier"), "Hot");
  // It follows the configuration, also for what is there already.
  f.accounts().Swap(WithDefault("Cool"));
  auto inferred = f.Send("HEAD", "/box/inferred");
  EXPECT_EQ(inferred.Header("x-ms-access-tier"), "Cool");
  EXPECT_EQ(inferred.Header("x-ms-access-tier-inferred"), "true");
  EXPECT_EQ(f.Send("HEAD", "/box/hot").Header("x-ms-access-tier"), "Hot");
  const std::string list = f.Send("GET", "/box?restype=container&comp=list").body;
  EXPECT_THAT(list, HasSubstr("<AccessTier>Cool</AccessTier><AccessTierInferred>true<"));
  EXPECT_THAT(list, HasSubstr("<AccessTier>Hot</AccessTier>"));
}

TEST(DefaultTier, IsNeverArchiveOrUnknown) {
  for (const char* tier : {"Archive", "Lukewarm", ""}) {
    auto made = Accounts::Make({{.name = "devstoreaccount1",
                                 .keys = {std::string(kTestKey)},
                                 .default_access_tier = tier}});
    ASSERT_FALSE(made) << tier;
    EXPECT_EQ(made.error().code(), Code::kInvalidConfig);
  }
}

}  // namespace
}  // namespace forebay::rest
