#include "admin/admin_service.h"

#include <gmock/gmock.h>

#include "admin/messages.h"
#include "admin/test_support.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Task<std::string> Echo(std::string body) { co_return body; }
Task<std::string> Refuse() { co_return Fail(Code::kBusy, "Not now."); }

class AdminServiceTest : public ::testing::Test {
 protected:
  AdminServiceTest() {
    control_.Add("POST", "/v1/echo", [this](OpContext, std::string body) {
      ++calls_;
      return Echo(std::move(body));
    });
    control_.Add("GET", "/v1/busy", [](OpContext, std::string) { return Refuse(); });
    registry_.GetCounter({"forebay_things_total", "Things."}).Add(3);
  }
  http::Response Ask(const std::string& method, const std::string& path,
                     const std::string& authorization = "", const std::string& body = "") {
    http::Request request;
    request.method = method == "GET"    ? http::Method::kGet
                     : method == "HEAD" ? http::Method::kHead
                     : method == "POST" ? http::Method::kPost
                                        : http::Method::kDelete;
    request.method_text = method;
    request.path = path;
    if (!authorization.empty()) request.headers.Add("Authorization", authorization);
    testing::TextBody reader(body);
    request.body = &reader;
    auto response = RunSync(service_.Handle({}, request));
    EXPECT_TRUE(response);
    return std::move(*response);
  }

  metrics::Registry registry_;
  ControlApi control_;
  ThreadPool pool_{{.name = "test", .threads = 1}};
  Result<> ready_;
  int calls_ = 0;
  AdminService service_{
      registry_, control_, pool_, {.ready = [this] { return ready_; }, .token = "secret"}};
};

TEST_F(AdminServiceTest, OnlyReadinessSaysWhatTheCheckSays) {
  EXPECT_EQ(Ask("GET", "/healthz").status, 200u);
  EXPECT_EQ(Ask("HEAD", "/readyz").status, 200u);
  ready_ = Fail(Code::kNoSpace, "The disk is full.");
  EXPECT_EQ(Ask("GET", "/healthz").status, 200u);
  auto response = Ask("GET", "/readyz");
  EXPECT_EQ(response.status, 503u);
  EXPECT_EQ(response.text, "The disk is full.\n");
  ready_ = Fail(Code::kVolumeFailed, "It is dead.");
  EXPECT_EQ(Ask("GET", "/healthz").status, 200u);
  EXPECT_EQ(Ask("GET", "/healthz").text, "ok\n");
}

TEST_F(AdminServiceTest, MetricsAndTheIndexAreForEverybody) {
  auto response = Ask("GET", "/metrics");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.headers.Get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.headers.Get("Cache-Control"), "no-store");
  EXPECT_THAT(response.text, HasSubstr("forebay_things_total 3\n"));
  EXPECT_THAT(Ask("GET", "/").text, HasSubstr("/metrics"));
  EXPECT_EQ(Ask("GET", "/nothing").status, 404u);
  auto post = Ask("POST", "/metrics");
  EXPECT_EQ(post.status, 405u);
  EXPECT_EQ(post.headers.Get("Allow"), "GET, HEAD");
}

TEST_F(AdminServiceTest, TheAdministrationWantsTheToken) {
  for (const char* wrong : {"", "secret", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets",
                            "bearer secret", "Basic secret"}) {
    auto response = Ask("POST", "/v1/echo", wrong, "{}");
    EXPECT_EQ(response.status, 401u) << wrong;
    EXPECT_EQ(response.headers.Get("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(DecodeError(response.text).code(), Code::kAuthenticationFailed);
    EXPECT_THAT(response.text, Not(HasSubstr("secret")));
  }
  // Nor does it say which operations there are.
  EXPECT_EQ(Ask("POST", "/v1/none").status, 401u);
  EXPECT_EQ(calls_, 0);
  auto response = Ask("POST", "/v1/echo", "Bearer secret", "{\"a\": 1}");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.text, "{\"a\": 1}");
  EXPECT_EQ(response.headers.Get("Content-Type"), "application/json");
  EXPECT_EQ(calls_, 1);
}

TEST_F(AdminServiceTest, WrongMethodsPathsAndBodiesAreRefusedInJson) {
  auto method = Ask("DELETE", "/v1/echo", "Bearer secret");
  EXPECT_EQ(method.status, 405u);
  EXPECT_EQ(method.headers.Get("Allow"), "POST");
  auto path = Ask("GET", "/v1/none", "Bearer secret");
  EXPECT_EQ(path.status, 404u);
  EXPECT_EQ(DecodeError(path.text).code(), Code::kNotFound);
  auto busy = Ask("GET", "/v1/busy", "Bearer secret");
  EXPECT_EQ(busy.status, 409u);
  EXPECT_EQ(DecodeError(busy.text).message(), "Not now.");
  auto large = Ask("POST", "/v1/echo", "Bearer secret", std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(large.status, 413u);
  EXPECT_EQ(calls_, 0);
}

}  // namespace
}  // namespace forebay::admin
