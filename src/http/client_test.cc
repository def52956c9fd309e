// The client against the server, and against peers that misbehave.
#include "http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

#include "async/run_sync.h"
#include "http/client_request.h"
#include "http/server.h"
#include "http/test_support.h"

namespace forebay::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers with what it got.
class MirrorHandler final : public Handler {
 public:
  Task<Response> Handle(OpContext, Request& request) override {
    Response response;
    FB_CO_ASSIGN_OR_RETURN(response.text, co_await ReadAll(*request.body, 64_MiB));
    response.status = request.path == "/missing" ? 404 : 200;
    response.headers.Add("X-Method", request.method_text);
    response.headers.Add("X-Target", request.target);
    response.headers.Add("X-Host", request.headers.Get("Host"));
    response.headers.Add("X-Port", std::to_string(request.client_port));
    response.close = request.path == "/close";
    co_return response;
  }
};

// A server of one scripted answer for each connection, in plain sockets.
class ScriptedServer {
 public:
  // Each connection: reads a head, sends the next answer, and closes unless it is to be kept open.
  ScriptedServer(std::vector<std::string> answers, bool hold_open)
      : answers_(std::move(answers)), hold_open_(hold_open) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int held : held_) ::close(held);
  }
  std::string Url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  int connections() const { return connections_; }

 private:
  void Run() {
    for (const std::string& answer : answers_) {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) return;
      ++connections_;
      std::string head;
      char buffer[4096];
      while (head.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(peer, buffer, sizeof(buffer), 0);
        if (got <= 0) break;
        head.append(buffer, static_cast<std::size_t>(got));
      }
      ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (hold_open_) {
        held_.push_back(peer);
      } else {
        ::close(peer);
      }
    }
  }

  std::vector<std::string> answers_;
  bool hold_open_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::vector<int> held_;
  std::thread thread_;
};

struct Got {
  unsigned status = 0;
  Headers headers;
  std::string body;
};

Task<Got> Fetch(Client& client, OpContext context, ClientRequest request) {
  FB_CO_ASSIGN_OR_RETURN(ClientResponse response,
                         co_await client.Send(std::move(context), std::move(request)));
  Got got;
  got.status = response.status;
  got.headers = response.headers;
  FB_CO_ASSIGN_OR_RETURN(got.body, co_await ReadAll(*response.body, 64_MiB));
  co_return got;
}

// Takes the head and drops the body.
Task<unsigned> FetchStatus(Client& client, ClientRequest request) {
  FB_CO_ASSIGN_OR_RETURN(const ClientResponse response,
                         co_await client.Send({}, std::move(request)));
  co_return response.status;
}

class ClientTest : public testing::Test {
 protected:
  void SetUp() override { StartServer(0); }
  void StartServer(std::uint16_t port) {
    std::vector<ListenerOptions> listeners(1);
    listeners[0].handler = &handler_;
    listeners[0].port = port;
    server_ = std::make_unique<Server>(ServerOptions{.threads = 1}, std::move(listeners));
    const auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().ToString();
    port_ = server_->ports()[0];
  }
  std::string Url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  ClientRequest Get(std::string url) {
    ClientRequest request;
    request.url = std::move(url);
    return request;
  }

  MirrorHandler handler_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

class CountedSource final : public BodySource {
 public:
  explicit CountedSource(std::string text) : text_(std::move(text)) {}
  Task<std::optional<BodyPiece>> Next(bool) override {
    if (at_ == text_.size()) co_return std::optional<BodyPiece>();
    const std::size_t size = std::min<std::size_t>(100'000, text_.size() - at_);
    BodyPiece piece;
    piece.memory = AsBytes(std::string_view(text_).substr(at_, size));
    at_ += size;
    co_return piece;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

TEST_F(ClientTest, SendsAndReceives) {
  Client client({});
  auto got = RunSync(Fetch(client, {}, Get(Url("/a%2Fb?x=1#frag"))));
  ASSERT_TRUE(got) << got.error().ToString();
  EXPECT_EQ(got->status, 200U);
  EXPECT_EQ(got->headers.Get("x-method"), "GET");
  EXPECT_EQ(got->headers.Get("x-target"), "/a%2Fb?x=1");
  EXPECT_EQ(got->headers.Get("x-host"), "127.0.0.1:" + std::to_string(port_));
  const std::string body = Pattern(3'000'001);
  ClientRequest put = Get(Url("/put"));
  put.method = Method::kPut;
  put.body = AsBytes(body);
  got = RunSync(Fetch(client, {}, put));
  ASSERT_TRUE(got) << got.error().ToString();
  EXPECT_TRUE(got->body == body);
  CountedSource source(body);
  put.body = {};
  put.source = &source;
  put.source_length = body.size();
  got = RunSync(Fetch(client, {}, put));
  ASSERT_TRUE(got) << got.error().ToString();
  EXPECT_TRUE(got->body == body);
  EXPECT_EQ(server_->stats().connections_total, 1U);
}

TEST_F(ClientTest, ReusesAConnectionOnlyAfterTheWholeBody) {
  Client client({});
  const auto port = [&](std::string path) {
    auto got = RunSync(Fetch(client, {}, Get(Url(path))));
    return got ? std::string(got->headers.Get("x-port")) : got.error().ToString();
  };
  const std::string first = port("/");
  EXPECT_EQ(port("/missing"), first);
  EXPECT_EQ(port("/close"), first);
  const std::string second = port("/");
  EXPECT_NE(second, first);
  ClientRequest head = Get(Url("/"));
  head.method = Method::kHead;
  auto got = RunSync(Fetch(client, {}, head));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->headers.Get("x-port"), second);
  // A body that is dropped unread takes its connection with it.
  ClientRequest put = Get(Url("/"));
  put.method = Method::kPut;
  put.body = AsBytes("unread");
  EXPECT_EQ(*RunSync(FetchStatus(client, put)), 200U);
  EXPECT_NE(port("/"), second);
}

TEST_F(ClientTest, SurvivesARestartOfTheServer) {
  Client client({});
  ASSERT_TRUE(RunSync(Fetch(client, {}, Get(Url("/")))));
  server_.reset();
  StartServer(port_);
  auto got = RunSync(Fetch(client, {}, Get(Url("/"))));
  ASSERT_TRUE(got) << got.error().ToString();
}

TEST_F(ClientTest, TheGuardJudgesTheResolvedAddress) {
  std::vector<std::string> asked;
  ClientOptions options;
  options.allow_address = [&](const std::string& ip, std::uint16_t port) {
    asked.push_back(ip + "/" + std::to_string(port));
    return false;
  };
  Client client(options);
  const auto got =
      RunSync(Fetch(client, {}, Get("http://localhost:" + std::to_string(port_) + "/")));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kNetwork);
  EXPECT_NE(got.error().message().find("not allowed"), std::string::npos);
  EXPECT_TRUE(std::ranges::find(asked, "127.0.0.1/" + std::to_string(port_)) != asked.end());
  EXPECT_EQ(server_->stats().connections_total, 0U);
}

TEST_F(ClientTest, ReadsEveryFraming) {
  ScriptedServer server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
       "HTTP/1.1 200 OK\r\n\r\nto the end", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\ncut",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "nonsense\r\n\r\n", ""},
      false);
  Client client({});
  EXPECT_EQ(RunSync(Fetch(client, {}, Get(server.Url("/"))))->body, "abcde");
  EXPECT_EQ(RunSync(Fetch(client, {}, Get(server.Url("/"))))->body, "to the end");
  for (const Code code : {Code::kConnectionClosed, Code::kConnectionClosed, Code::kBadHttp,
                          Code::kBadHttp, Code::kConnectionClosed}) {
    const auto got = RunSync(Fetch(client, {}, Get(server.Url("/"))));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), code) << got.error().ToString();
  }
  // A first answer that never comes is no stale connection: it is not tried again.
  EXPECT_EQ(server.connections(), 7);
}

TEST_F(ClientTest, HoldsDeadlinesStallsAndCancellation) {
  ScriptedServer server({"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ""}, true);
  ClientOptions options;
  options.stall_timeout = seconds(1);
  Client client(options);
  const auto begin = std::chrono::steady_clock::now();
  OpContext context;
  context.deadline = begin + milliseconds(200);
  auto got = RunSync(Fetch(client, context, Get(server.Url("/"))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kDeadlineExceeded) << got.error().ToString();
  got = RunSync(Fetch(client, {}, Get(server.Url("/"))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kDeadlineExceeded) << got.error().ToString();
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  OpContext cancelled;
  cancelled.cancel = stop.get_token();
  got = RunSync(Fetch(client, cancelled, Get(server.Url("/"))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kCancelled) << got.error().ToString();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(20));
}

TEST_F(ClientTest, RefusesWhatCannotBeSent) {
  Client client({});
  for (const char* url : {"", "nothing", "ftp://h/", "http://", "http://u@h/", "http://h:0/",
                          "http://h:99999/", "http://h/a b", "http://[::1/"}) {
    EXPECT_EQ(RunSync(Fetch(client, {}, Get(url))).error().code(), Code::kInvalidInput) << url;
  }
  ClientRequest split = Get(Url("/"));
  split.headers.Add("X", "a\r\nY: b");
  EXPECT_EQ(RunSync(Fetch(client, {}, split)).error().code(), Code::kInvalidInput);
  const auto url = ParseUrl("https://[::1]:8443?q");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority, "[::1]:8443");
  EXPECT_EQ(url->target, "/?q");
}

TEST_F(ClientTest, SaysWhatFailedToConnect) {
  server_.reset();
  Client client({});
  const auto got = RunSync(Fetch(client, {}, Get(Url("/"))));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kNetwork);
  EXPECT_NE(got.error().message().find(std::to_string(port_)), std::string::npos);
}

}  // namespace
}  // namespace forebay::http
