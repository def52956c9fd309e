#include "admin/lifecycle_api.h"

#include <gmock/gmock.h>

#include "admin/lifecycle_messages.h"
#include "admin/operations_fixture.h"
#include "azure/lifecycle_policy.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

constexpr const char* kPolicy = R"({"rules": [{"name": "old", "enabled": true,
  "type": "Lifecycle", "definition": {"filters": {"blobTypes": ["blockBlob"]},
  "actions": {"baseBlob": {
    "tierToCool": {"daysAfterModificationGreaterThan": 9},
    "delete": {"daysAfterModificationGreaterThan": 90}}}}}]})";

class LifecycleApiTest : public OperationsFixture {
 protected:
  LifecycleApiTest() { AddLifecycleOperations(api_, parts()); }

  Result<std::string> Ask(const char* path, LifecycleRequest request) {
    request.account = account();
    return Call("POST", path, *Encode(request));
  }
  LifecycleReportInfo Report(const Result<std::string>& text) {
    EXPECT_TRUE(text) << text.error().message();
    auto report = text ? DecodeLifecycleReport(*text) : std::unexpected(text.error());
    return report ? *report : LifecycleReportInfo{};
  }
  azure::AccessTier TierOf(std::string_view name) {
    return fixture_.engine().Properties(name)->record.tier;
  }
};

TEST_F(LifecycleApiTest, APolicyIsPutReadBackAndForgotten) {
  const std::string path = "/v1/lifecycle?account=" + account();
  EXPECT_EQ(CodeOf("GET", path), Code::kResourceNotFound);
  const auto put = Ask("/v1/lifecycle", {.policy = kPolicy});
  ASSERT_TRUE(put) << put.error().message();
  const auto got = DecodeLifecycle(*Call("GET", path));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->account, account());
  EXPECT_EQ(*azure::ParseLifecyclePolicy(got->policy), *azure::ParseLifecyclePolicy(kPolicy));
  EXPECT_FALSE(got->last_run) << "nothing has run";
  ASSERT_TRUE(Ask("/v1/lifecycle/delete", {}));
  EXPECT_EQ(CodeOf("GET", path), Code::kResourceNotFound);
  EXPECT_EQ(Ask("/v1/lifecycle/delete", {}).error().code(), Code::kResourceNotFound);
}

TEST_F(LifecycleApiTest, ADryRunListsAndDoesNothing) {
  ASSERT_TRUE(fixture_.engine().MakeContainer());
  ASSERT_TRUE(fixture_.engine().Put("a", "1234"));
  fixture_.engine().clock().Advance(std::chrono::hours(24 * 30));
  // Of a policy that is not put yet.
  const auto tried = Report(Ask("/v1/lifecycle/run", {.dry_run = true, .policy = kPolicy}));
  EXPECT_TRUE(tried.dry_run);
  EXPECT_EQ(tried.moved, 1u);
  ASSERT_EQ(tried.moves.size(), 1u);
  EXPECT_EQ(
      tried.moves[0],
      (LifecycleMoveInfo{
          .container = "box", .name = "a", .action = "tierToCool", .rule = "old", .bytes = 4}));
  EXPECT_EQ(TierOf("a"), azure::AccessTier::kHot);
  EXPECT_EQ(Ask("/v1/lifecycle/run", {.dry_run = true}).error().code(), Code::kResourceNotFound)
      << "there is none";
  ASSERT_TRUE(Ask("/v1/lifecycle", {.policy = kPolicy}));
  EXPECT_EQ(Report(Ask("/v1/lifecycle/run", {.dry_run = true})).moves, tried.moves);
  EXPECT_EQ(Report(Ask("/v1/lifecycle/run", {})).moved, 1u);
  EXPECT_EQ(TierOf("a"), azure::AccessTier::kCool);
}

TEST_F(LifecycleApiTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(CodeOf("GET", "/v1/lifecycle"), Code::kInvalidInput) << "no account";
  EXPECT_EQ(CodeOf("GET", "/v1/lifecycle?account=nobody"), Code::kNotFound);
  const auto none = Ask("/v1/lifecycle", {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("\"policy\" is missing"));
  const auto wrong = Ask("/v1/lifecycle", {.policy = R"({"rules": [{"name": "x"}]})"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Code::kInvalidInput);
  EXPECT_THAT(wrong.error().message(), HasSubstr("$.rules[0]")) << "the place in the document";
  const auto for_real = Ask("/v1/lifecycle/run", {.policy = kPolicy});
  ASSERT_FALSE(for_real);
  EXPECT_THAT(for_real.error().message(), HasSubstr("dry_run"))
      << "a policy that nobody can read back is not carried out";
}

}  // namespace
}  // namespace forebay::admin
