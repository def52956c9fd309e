#include "admin/webhook_service.h"

#include <gmock/gmock.h>

#include "admin/test_support.h"
#include "tier/site_fixture.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

const std::string kToken(32, 'w');

class WebhookServiceTest : public ::testing::Test {
 protected:
  http::Response Send(http::Method method, const std::string& query, std::string body = "",
                      std::vector<std::pair<std::string, std::string>> headers = {},
                      std::string path = std::string(kWebhookPath)) {
    http::Request request;
    request.method = method;
    request.method_text = std::string(http::MethodName(method));
    request.path = std::move(path);
    request.query = query;
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    testing::TextBody reader(std::move(body));
    request.body = &reader;
    auto answer = site_.engine().Run(service_.Handle({}, request));
    EXPECT_TRUE(answer);
    return answer ? std::move(*answer) : http::Response();
  }
  http::Response Post(std::string body) {
    return Send(http::Method::kPost, "token=" + kToken, std::move(body));
  }
  static std::string Event(const std::string& name) {
    return R"([{"topic": "/subscriptions/s/providers/Microsoft.Storage/storageAccounts/acct",
      "subject": "/blobServices/default/containers/datasets/blobs/)" +
           name + R"(", "eventType": "Microsoft.Storage.BlobCreated", "id": "1",
      "eventTime": "2026-01-01T00:00:00Z", "data": {"api": "PutBlob", "eTag": "0x1"}}])";
  }

  lake::MemoryLake lake_;
  tier::Site site_{lake_, {.mode = meta::LakeMode::kReadOnly}};
  WebhookService service_{site_.tier().watch(), kToken};
};

TEST_F(WebhookServiceTest, AnEventHasItsNameLookedAt) {
  lake_.Plant("new", "told of");
  const http::Response answer = Post(Event("new"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_THAT(answer.text, HasSubstr("\"names\": 1"));
  EXPECT_EQ(site_.Read("new"), "told of");
}

TEST_F(WebhookServiceTest, BothHandshakesAreAnswered) {
  const http::Response own = Post(R"([{"id": "1", "topic": "t", "subject": "",
    "data": {"validationCode": "512d38b6"}, "eventTime": "2026-01-01T00:00:00Z",
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "dataVersion": "1"}])");
  EXPECT_EQ(own.status, 200u);
  EXPECT_THAT(own.text, HasSubstr("\"validationResponse\": \"512d38b6\""));

  const http::Response cloud =
      Send(http::Method::kOptions, "token=" + kToken, "",
           {{"WebHook-Request-Origin", "eventgrid.azure.net"}, {"WebHook-Request-Rate", "120"}});
  EXPECT_EQ(cloud.status, 200u);
  EXPECT_EQ(cloud.headers.Get("WebHook-Allowed-Origin"), "eventgrid.azure.net");
  EXPECT_EQ(cloud.headers.Get("WebHook-Allowed-Rate"), "*");
  EXPECT_THAT(std::string(cloud.headers.Get("Allow")), HasSubstr("POST"));
  EXPECT_EQ(cloud.text, "");

  const http::Response stranger = Send(http::Method::kOptions, "token=" + kToken, "",
                                       {{"WebHook-Request-Origin", "example.org"}});
  EXPECT_EQ(stranger.status, 403u);
  EXPECT_FALSE(stranger.headers.Has("WebHook-Allowed-Origin"));
  EXPECT_EQ(Send(http::Method::kOptions, "token=" + kToken).status, 400u) << "no handshake";
}

TEST_F(WebhookServiceTest, NothingWithoutTheToken) {
  lake_.Plant("new", "told of");
  const std::pair<std::string, std::string> origin{"WebHook-Request-Origin", "eventgrid.azure.net"};
  for (const std::string& query :
       {std::string(), std::string("token="), std::string("token=") + std::string(31, 'w'),
        std::string("token=") + std::string(32, 'x'), "other=" + kToken}) {
    const http::Response refused = Send(http::Method::kPost, query, Event("new"));
    EXPECT_EQ(refused.status, 401u) << query;
    EXPECT_TRUE(refused.close);
    EXPECT_THAT(refused.text, ::testing::Not(HasSubstr(kToken)));
    const http::Response handshake = Send(http::Method::kOptions, query, "", {origin});
    EXPECT_EQ(handshake.status, 401u) << query;
    EXPECT_FALSE(handshake.headers.Has("WebHook-Allowed-Origin"));
  }
  EXPECT_EQ(site_.tier().watch().Status(site_.attachment()->container)->hints, 0u);
  EXPECT_EQ(
      Send(http::Method::kPost, "", Event("new"), {{"Authorization", "Bearer " + kToken}}).status,
      200u)
      << "as a header does too";
}

TEST_F(WebhookServiceTest, ServesNothingElse) {
  for (const char* path : {"/", "/metrics", "/healthz", "/v1/lakes", "/v1/volumes", "/v1/lakes/"}) {
    EXPECT_EQ(Send(http::Method::kGet, "token=" + kToken, "", {}, path).status, 404u) << path;
    EXPECT_EQ(Send(http::Method::kPost, "token=" + kToken, "{}",
                   {{"Authorization", "Bearer " + kToken}}, path)
                  .status,
              404u)
        << path;
  }
  const http::Response get = Send(http::Method::kGet, "token=" + kToken);
  EXPECT_EQ(get.status, 405u);
  EXPECT_EQ(get.headers.Get("Allow"), "OPTIONS, POST");
}

TEST_F(WebhookServiceTest, WhatIsWrongIsSaidAndNothingBreaks) {
  EXPECT_EQ(Post("nonsense").status, 400u);
  EXPECT_EQ(Post(R"([{"eventType": "Microsoft.Storage.BlobCreated"}])").status, 400u);
  EXPECT_EQ(Post(std::string((1 << 20) + 1, ' ')).status, 413u);
  // Of a type that Azure has added since.
  const http::Response other = Post(R"([{"eventType": "Microsoft.Storage.Other", "subject": ""}])");
  EXPECT_EQ(other.status, 200u);
  EXPECT_THAT(other.text, HasSubstr("\"skipped\": 1"));
}

}  // namespace
}  // namespace forebay::admin
