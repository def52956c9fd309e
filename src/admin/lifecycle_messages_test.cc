#include "admin/lifecycle_messages.h"

#include <gmock/gmock.h>

#include "azure/lifecycle_policy.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPolicy = R"({"rules": [{"name": "old", "enabled": true,
  "type": "Lifecycle", "definition": {"filters": {"blobTypes": ["blockBlob"]},
  "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 9}}}}}]})";

LifecycleReportInfo Report() {
  return {.dry_run = true,
          .started = "2026-01-01T00:00:00Z",
          .finished = "2026-01-01T00:00:01Z",
          .blobs = 7,
          .moved = 1,
          .deleted = 2,
          .skipped = 3,
          .failed = 4,
          .moves = {{.container = "box",
                     .name = "a b",
                     .action = "delete",
                     .rule = "old",
                     .bytes = 12,
                     .error = "leased"}}};
}

TEST(LifecycleMessagesTest, ReportsComeBack) {
  const LifecycleReportInfo report = Report();
  EXPECT_EQ(*DecodeLifecycleReport(Encode(report)), report);
  LifecycleReportInfo quiet = report;
  quiet.moves.front().error.clear();
  EXPECT_THAT(Encode(quiet), Not(HasSubstr("error")));
  EXPECT_EQ(*DecodeLifecycleReport(Encode(quiet)), quiet);
  EXPECT_FALSE(DecodeLifecycleReport("[]"));
  EXPECT_FALSE(DecodeLifecycleReport(R"({"moves": [{"container": "box"}]})"));
}

TEST(LifecycleMessagesTest, APolicyGoesThroughAsItIs) {
  const LifecycleInfo info{.account = "acct", .policy = kPolicy, .last_run = Report()};
  const auto text = Encode(info);
  ASSERT_TRUE(text);
  const auto back = DecodeLifecycle(*text);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->account, "acct");
  EXPECT_EQ(back->last_run, info.last_run);
  EXPECT_EQ(*azure::ParseLifecyclePolicy(back->policy), *azure::ParseLifecyclePolicy(kPolicy));
}

TEST(LifecycleMessagesTest, RequestsComeBack) {
  LifecycleRequest request{.account = "acct", .dry_run = true};
  EXPECT_EQ(*DecodeLifecycleRequest(*Encode(request)), request);
  request.policy = kPolicy;
  const auto back = DecodeLifecycleRequest(*Encode(request));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->dry_run);
  EXPECT_EQ(*azure::ParseLifecyclePolicy(*back->policy), *azure::ParseLifecyclePolicy(kPolicy));
  request.policy = "{";
  EXPECT_EQ(Encode(request).error().code(), Code::kInvalidInput) << "that is no JSON";
  EXPECT_EQ(DecodeLifecycleRequest("{}").error().code(), Code::kInvalidInput);
}

}  // namespace
}  // namespace forebay::admin
