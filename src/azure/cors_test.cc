#include "azure/cors.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

using Fields = std::vector<HeaderField>;

const CorsRule kSite = {"https://www.contoso.com,https://*.example.com", "GET,PUT",
                        "x-ms-meta-*,content-type", "x-ms-meta-data*", 200};
const CorsRule kAnyone = {"*", "GET", "*", "*", 5};

std::string Value(const OwnedHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "(absent)";
}

TEST(Cors, Preflight) {
  Fields request = {{"Origin", "https://www.contoso.com"},
                    {"Access-Control-Request-Method", "PUT"},
                    {"Access-Control-Request-Headers", "X-Ms-Meta-Foo, Content-Type"}};
  auto answer = EvaluatePreflight({kSite}, request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(Value(*answer, "Access-Control-Allow-Origin"), "https://www.contoso.com");
  EXPECT_EQ(Value(*answer, "Access-Control-Allow-Methods"), "PUT");
  EXPECT_EQ(Value(*answer, "Access-Control-Max-Age"), "200");
  EXPECT_EQ(Value(*answer, "Access-Control-Allow-Credentials"), "true");
  request[0].second = "https://a.b.example.com";
  EXPECT_TRUE(EvaluatePreflight({kSite}, request));
  for (const char* origin : {"http://www.contoso.com", "https://example.com",
                             "https://evilexample.com", "https://www.contoso.com.evil"}) {
    request[0].second = origin;
    auto refused = EvaluatePreflight({kSite}, request);
    ASSERT_FALSE(refused) << origin;
    EXPECT_EQ(refused.error().code(), Code::kAuthorizationFailure);
  }
  request[0].second = "https://www.contoso.com";
  request[2].second = "x-ms-date";
  EXPECT_FALSE(EvaluatePreflight({kSite}, request));
  request[2].second = "";
  request[1].second = "DELETE";
  EXPECT_FALSE(EvaluatePreflight({kSite}, request));
  EXPECT_FALSE(EvaluatePreflight({}, request));
  EXPECT_EQ(EvaluatePreflight({kSite}, Fields{{"Origin", "x"}}).error().code(),
            Code::kInvalidHeaderValue);
}

TEST(Cors, ARefusalHasACodeOfItsOwn) {
  const std::string xml = PreflightFailureXml("id-1", WallTime());
  EXPECT_NE(xml.find("<Error><Code>CorsPreflightFailure</Code><Message>CORS not enabled"),
            std::string::npos);
  EXPECT_NE(xml.find("RequestId:id-1\nTime:1970-01-01T"), std::string::npos);
}

TEST(Cors, ActualRequests) {
  Fields request = {{"Origin", "https://www.contoso.com"}};
  auto site = CorsHeaders({kSite, kAnyone}, "GET", request);
  EXPECT_EQ(Value(site, "Access-Control-Allow-Origin"), "https://www.contoso.com");
  EXPECT_EQ(Value(site, "Access-Control-Expose-Headers"), "x-ms-meta-data*");
  EXPECT_EQ(Value(site, "Vary"), "Origin");
  auto anyone = CorsHeaders({kAnyone}, "GET", Fields{{"Origin", "http://x"}});
  EXPECT_EQ(Value(anyone, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(Value(anyone, "Vary"), "(absent)");
  EXPECT_EQ(CorsHeaders({kSite}, "GET", Fields{}), (OwnedHeaders{{"Vary", "Origin"}}));
  EXPECT_TRUE(CorsHeaders({}, "GET", request).empty());
}

TEST(Cors, RulesAreValidated) {
  EXPECT_TRUE(ValidateCorsRule(kSite));
  EXPECT_FALSE(ValidateCorsRule({"", "GET", "", "", 0}));
  EXPECT_FALSE(ValidateCorsRule({"*", "FETCH", "", "", 0}));
  EXPECT_FALSE(ValidateCorsRule({"*", "GET", std::string(300, 'x'), "", 0}));
}

}  // namespace
}  // namespace forebay::azure
