// The fetcher over real sockets on the loopback interface.
#include "rest/blob/source_fetcher.h"

#include <gmock/gmock.h>

#include <mutex>

#include "async/run_sync.h"
#include "http/server.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;

// Answers from a few paths and remembers what it was asked.
class SourceHandler final : public http::Handler {
 public:
  Task<http::Response> Handle(OpContext /*context*/, http::Request& request) override {
    {
      std::lock_guard lock(mutex_);
      paths_.push_back(request.path);
      authorization_ = std::string(request.headers.Get("authorization"));
    }
    http::Response response;
    if (request.path == "/blob") {
      response.headers.Add("ETag", "\"e\"");
      response.headers.Add("Content-Type", "text/x");
      if (request.headers.Get("range") == "bytes=2-4") {
        response.status = 206;
        response.headers.Add("Content-Range", "bytes 2-4/10");
        response.text = "234";
      } else {
        response.text = "0123456789";
      }
    } else if (request.path == "/wrong-range") {
      response.status = 206;
      response.headers.Add("Content-Range", "bytes 3-5/10");
      response.text = "345";
    } else if (request.path == "/loop") {
      response.status = 302;
      response.headers.Add("Location", "/loop");
    } else if (request.path == "/hop") {
      response.status = 307;
      response.headers.Add("Location", "blob");
    } else if (request.path.starts_with("/to/")) {
      response.status = 302;
      response.headers.Add("Location", "http://" + request.path.substr(4) + "/blob");
    } else {
      response.status = 404;
      response.headers.Add("x-ms-error-code", "BlobNotFound");
    }
    co_return response;
  }
  std::vector<std::string> paths() const {
    std::lock_guard lock(mutex_);
    return paths_;
  }
  std::string authorization() const {
    std::lock_guard lock(mutex_);
    return authorization_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;
  std::string authorization_;
};

class SourceFetcherTest : public ::testing::Test {
 protected:
  SourceFetcherTest() {
    open_ = MakeServer(open_handler_);
    closed_ = MakeServer(closed_handler_);
    open_port_ = open_->ports().at(0);
    closed_port_ = closed_->ports().at(0);
  }
  static std::unique_ptr<http::Server> MakeServer(http::Handler& handler) {
    http::ServerOptions options;
    options.threads = 1;
    std::vector<http::ListenerOptions> listeners(1);
    listeners[0].handler = &handler;
    auto server = std::make_unique<http::Server>(options, std::move(listeners));
    EXPECT_TRUE(server->Start().has_value());
    return server;
  }
  std::string Open(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(open_port_) + path;
  }
  std::string ClosedAuthority(const std::string& host) const {
    return host + ":" + std::to_string(closed_port_);
  }

  // The body, or "status message" of the error.
  std::string Fetch(FetchRequest request, std::vector<std::string> allow) {
    auto guard = AddressGuard::Make(allow);
    EXPECT_TRUE(guard.has_value());
    HttpSourceFetcher fetcher(std::move(*guard), {});
    auto text = RunSync(FetchText(fetcher, std::move(request)));
    if (text) return *text;
    const auto status = SourceStatusOf(text.error());
    return (status ? std::to_string(*status) : "none") + " " + text.error().message();
  }
  std::string Fetch(const std::string& url) {
    return Fetch({.url = url, .range = {}, .headers = {}},
                 {"127.0.0.1:" + std::to_string(open_port_)});
  }
  static Task<std::string> FetchText(HttpSourceFetcher& fetcher, FetchRequest request) {
    FB_CO_ASSIGN_OR_RETURN(FetchedSource source,
                           co_await fetcher.Fetch(OpContext(), std::move(request)));
    FB_CO_ASSIGN_OR_RETURN(std::string text, co_await http::ReadAll(*source.body, 1 << 20));
    EXPECT_EQ(text.size(), source.length);
    co_return text;
  }

  SourceHandler open_handler_;
  SourceHandler closed_handler_;
  std::unique_ptr<http::Server> open_;
  std::unique_ptr<http::Server> closed_;
  std::uint16_t open_port_ = 0;
  std::uint16_t closed_port_ = 0;
};

TEST_F(SourceFetcherTest, FetchesWhatIsAllowed) {
  EXPECT_EQ(Fetch(Open("/blob")), "0123456789");
  EXPECT_EQ(Fetch({.url = Open("/blob"), .range = FetchRequest::Range{2, 4}, .headers = {}},
                  {"127.0.0.0/8"}),
            "234");
  EXPECT_THAT(Fetch(Open("/none")), HasSubstr("404"));
}

TEST_F(SourceFetcherTest, LoopbackIsRefusedUnlessListed) {
  for (const std::string host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1"}) {
    const std::string answer = Fetch("http://" + ClosedAuthority(host) + "/blob");
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("0123"))) << host;
  }
  EXPECT_TRUE(closed_handler_.paths().empty());
}

TEST_F(SourceFetcherTest, RedirectsAreFollowedWithinTheGuard) {
  EXPECT_EQ(Fetch(Open("/hop")), "0123456789");
  for (const std::string host : {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"}) {
    const std::string answer = Fetch(Open("/to/" + ClosedAuthority(host)));
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("0123"))) << host;
  }
  EXPECT_TRUE(closed_handler_.paths().empty());
  EXPECT_THAT(Fetch(Open("/loop")), HasSubstr("redirects too often"));
}

TEST_F(SourceFetcherTest, CredentialsStayWithTheirHost) {
  FetchRequest request{
      .url = Open("/to/" + ClosedAuthority("127.0.0.1")), .range = {}, .headers = {}};
  request.headers.Add("Authorization", "Bearer secret");
  EXPECT_EQ(Fetch(std::move(request), {"127.0.0.1"}), "0123456789");
  EXPECT_EQ(open_handler_.authorization(), "Bearer secret");
  EXPECT_EQ(closed_handler_.authorization(), "");
}

TEST_F(SourceFetcherTest, ANameThatTheOperatorListedMayBeInternal) {
  const std::string url = "http://localhost:" + std::to_string(open_port_) + "/blob";
  EXPECT_EQ(Fetch({.url = url, .range = {}, .headers = {}}, {"localhost"}), "0123456789");
}

TEST_F(SourceFetcherTest, TheRangeMustBeTheOneAskedFor) {
  EXPECT_THAT(
      Fetch({.url = Open("/wrong-range"), .range = FetchRequest::Range{2, 4}, .headers = {}},
            {"127.0.0.1"}),
      HasSubstr("416"));
  EXPECT_THAT(Fetch(Open("/wrong-range")), HasSubstr("a part"));
  // A server without ranges answers the whole: fine for the whole, and only for that.
  EXPECT_EQ(Fetch({.url = Open("/blob"), .range = FetchRequest::Range{0, 9}, .headers = {}},
                  {"127.0.0.1"}),
            "0123456789");
  EXPECT_THAT(Fetch({.url = Open("/blob"), .range = FetchRequest::Range{0, 4}, .headers = {}},
                    {"127.0.0.1"}),
              HasSubstr("416"));
}

}  // namespace
}  // namespace forebay::rest
