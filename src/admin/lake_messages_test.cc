#include "admin/lake_messages.h"

#include <gmock/gmock.h>

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

LakeInfo Everything() {
  LakeInfo lake{.account = "acct",
                .container = "training",
                .lake = "https://acct.blob.core.windows.net/datasets/",
                .credential = "sas:@/etc/lake.sas",
                .mode = "read-write",
                .ordering = "commit",
                .acknowledge = "local",
                .conflicts = "keep-both",
                .attached = "2026-01-01T00:00:00Z",
                .hierarchical = true,
                .created = true};
  lake.import = {
      .names = 1, .bytes = 2, .names_per_second = 3, .expected_names = 20, .finished = true};
  lake.problem = "The lake refuses \"us\"";
  lake.link = LinkInfo{.state = "down", .down_seconds = 4, .retry_after_seconds = 5};
  lake.backlog = BacklogInfo{
      .files = 6, .bytes = 7, .oldest_seconds = 8, .paused = "deletes", .writes_held = "full"};
  lake.overflow = OverflowInfo{.bodies = 22,
                               .bytes = 23,
                               .to_delete = 24,
                               .stuck = 25,
                               .sent_bodies = 26,
                               .sent_bytes = 27,
                               .failures = 28,
                               .writes_held = "full of it"};
  lake.residency =
      ResidencyInfo{.resident_bytes = 9, .total_bytes = 10, .pinned_bytes = 11, .age_seconds = 21};
  lake.traffic = {{.cause = "offload", .requests = 12, .bytes_down = 13, .bytes_up = 14}};
  lake.failures = 15;
  lake.retries = 16;
  return lake;
}

TEST(LakeMessages, RoundTrip) {
  const LakeInfo bare{.account = "a", .container = "b", .lake = "http://c/"};
  auto one = DecodeLake(Encode(Everything()));
  ASSERT_TRUE(one) << one.error().message();
  EXPECT_EQ(*one, Everything());
  auto both = DecodeLakes(Encode(std::vector{Everything(), bare}));
  ASSERT_TRUE(both) << both.error().message();
  EXPECT_EQ(*both, (std::vector{Everything(), bare}));
  EXPECT_THAT(Encode(bare), Not(HasSubstr("backlog"))) << "not known is not zero";
  const AttachLakeRequest attach{.container = "c",
                                 .endpoint = "https://e/f",
                                 .credential = "anonymous",
                                 .mode = "capacity",
                                 .prefix = "p/",
                                 .ordering = "relaxed",
                                 .acknowledge = "lake",
                                 .conflicts = "lake-wins"};
  EXPECT_EQ(*DecodeAttachLakeRequest(Encode(attach)), attach);
  EXPECT_EQ(DecodeContainerRequest(Encode(ContainerRequest{"x"}))->container, "x");
  const VerifyInfo verified{.blobs = 1,
                            .bytes = 2,
                            .damaged = 3,
                            .damage = {{.name = "a", .object = "b", .what = "is missing"},
                                       {.name = "c", .object = "d", .what = "is short"}},
                            .objects = 4,
                            .to_delete = 5,
                            .unowned = 6,
                            .foreign = 7};
  auto again = DecodeVerify(Encode(verified));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, verified);
  EXPECT_FALSE(DecodeVerify("{\"damage\": [{\"name\": \"a\"}]}"));
}

TEST(LakeMessages, WrongTextSaysWhereAndWhat) {
  EXPECT_THAT(DecodeAttachLakeRequest("nonsense").error().message(), HasSubstr("JSON"));
  EXPECT_THAT(DecodeAttachLakeRequest("{\"container\": \"a\"}").error().message(),
              HasSubstr("\"endpoint\" is missing"));
  EXPECT_THAT(DecodeContainerRequest("{\"container\": 3}").error().message(),
              HasSubstr("$.container"));
  EXPECT_THAT(DecodeContainerRequest("[]").error().message(), HasSubstr("object"));
  EXPECT_FALSE(DecodeLakes("{\"lakes\": 3}"));
  EXPECT_FALSE(DecodeLakes("{\"lakes\": [{}]}"));
  EXPECT_FALSE(
      DecodeLake("{\"account\": \"a\", \"container\": \"b\", \"lake\": \"c\", "
                 "\"import\": {\"names\": -1}}"));
  // What a newer server adds is no trouble.
  EXPECT_TRUE(DecodeContainerRequest("{\"container\": \"a\", \"colour\": \"blue\"}"));
}

}  // namespace
}  // namespace forebay::admin
