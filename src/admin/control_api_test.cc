#include "admin/control_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/run_sync.h"

namespace forebay::admin {
namespace {

Task<std::string> Echo(std::string body) { co_return "got " + body; }

TEST(ControlApi, FindsOperationsByMethodAndPath) {
  ControlApi api;
  api.Add("POST", "/v1/echo", [](OpContext, std::string body) { return Echo(std::move(body)); });
  api.Add("GET", "/v1/echo", [](OpContext, std::string) { return Echo("nothing"); });
  EXPECT_EQ(*RunSync(api.Call({}, "POST", "/v1/echo", "x")), "got x");
  EXPECT_EQ(*RunSync(api.Call({}, "GET", "/v1/echo", "x")), "got nothing");
  EXPECT_EQ(RunSync(api.Call({}, "PUT", "/v1/echo", "")).error().code(),
            Code::kUnsupportedHttpVerb);
  EXPECT_EQ(RunSync(api.Call({}, "GET", "/v1/ech", "")).error().code(), Code::kNotFound);
  EXPECT_THAT(api.MethodsOf("/v1/echo"), testing::ElementsAre("GET", "POST"));
  EXPECT_THAT(api.MethodsOf("/v1/none"), testing::IsEmpty());
}

TEST(ControlApi, ErrorsHaveTheirStatus) {
  auto status = [](Code code) { return StatusOf({code, ""}); };
  EXPECT_EQ(status(Code::kInvalidInput), 400u);
  EXPECT_EQ(status(Code::kAuthenticationFailed), 401u);
  EXPECT_EQ(status(Code::kNotFound), 404u);
  EXPECT_EQ(status(Code::kUnsupportedHttpVerb), 405u);
  EXPECT_EQ(status(Code::kBusy), 409u);
  EXPECT_EQ(status(Code::kVolumeFailed), 409u);
  EXPECT_EQ(status(Code::kRequestBodyTooLarge), 413u);
  EXPECT_EQ(status(Code::kNoSpace), 507u);
  EXPECT_EQ(status(Code::kIo), 500u);
}

}  // namespace
}  // namespace forebay::admin
