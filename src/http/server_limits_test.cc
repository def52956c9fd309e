// The server's limits, TLS and draining.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "async/run_sync.h"
#include "async/sleep.h"
#include "base/temp_dir_for_test.h"
#include "http/client.h"
#include "http/server.h"
#include "http/test_support.h"

namespace forebay::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Sends the same memory again and again.
class RepeatSource final : public BodySource {
 public:
  explicit RepeatSource(std::uint64_t length) : memory_(256_KiB, 'r'), left_(length) {}
  Task<std::optional<BodyPiece>> Next(bool) override {
    if (left_ == 0) co_return std::optional<BodyPiece>();
    BodyPiece piece;
    piece.memory = AsBytes(memory_).first(std::min<std::uint64_t>(left_, memory_.size()));
    left_ -= piece.memory.size();
    co_return piece;
  }

 private:
  std::string memory_;
  std::uint64_t left_;
};

class LimitHandler final : public Handler {
 public:
  Task<Response> Handle(OpContext context, Request& request) override {
    Response response;
    response.text = request.tls ? "tls" : "ok";
    if (request.path == "/sleep") {
      ++sleeping;
      const auto slept = co_await SleepFor(seconds(20), context);
      if (!slept) ++cancelled;
    } else if (request.path == "/nap") {
      ++sleeping;
      (void)co_await SleepFor(milliseconds(300));
    } else if (request.path == "/read") {
      const auto body = co_await ReadAll(*request.body, 16_MiB);
      if (!body) {
        read_error = body.error().code();
        co_return Fail(body.error());
      }
      response.text = *body;
    } else if (request.path == "/huge") {
      response.text.clear();
      response.content_length = 64_MiB;
      response.source = std::make_unique<RepeatSource>(64_MiB);
    }
    co_return response;
  }
  std::atomic<int> sleeping{0};
  std::atomic<int> cancelled{0};
  std::atomic<Code> read_error{Code::kInternal};
};

bool Eventually(const auto& condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(20));
  return condition();
}

class ServerLimitsTest : public testing::Test {
 protected:
  void Start(ServerOptions options, const TlsFiles* tls = nullptr) {
    options.threads = 2;
    std::vector<ListenerOptions> listeners(1);
    listeners[0].handler = &handler_;
    if (tls != nullptr) listeners[0].tls = std::make_unique<TlsFiles>(*tls);
    server_ = std::make_unique<Server>(options, std::move(listeners));
    const auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().ToString();
    port_ = server_->ports()[0];
  }

  LimitHandler handler_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(ServerLimitsTest, BoundsHeads) {
  Start({.max_header_bytes = 8192});
  const auto status = [&](const std::string& bytes) {
    RawClient client(port_);
    client.Send(bytes);
    const auto answer = client.ReadAnswer();
    EXPECT_TRUE(client.WaitClosed(3000));
    return answer.status;
  };
  EXPECT_EQ(status("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 414U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(9000, 'a') + "\r\n\r\n"), 431U);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
                   "Transfer-Encoding: chunked\r\n\r\nabc"),
            400U);
  EXPECT_EQ(status("nonsense\r\n\r\n"), 400U);
}

TEST_F(ServerLimitsTest, RefusesConnectionsAboveTheLimit) {
  Start({.max_connections = 2});
  RawClient first(port_);
  RawClient second(port_);
  for (RawClient* client : {&first, &second}) {
    client->Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client->ReadAnswer().status, 200U);
  }
  RawClient third(port_);
  const auto refused = third.ReadAnswer();
  EXPECT_EQ(refused.status, 503U);
  EXPECT_EQ(refused.Header("Connection"), "close");
  EXPECT_EQ(server_->stats().connections_refused, 1U);
  first.Reset();
  EXPECT_TRUE(Eventually([&] { return server_->stats().connections_open == 1; }));
  RawClient fourth(port_);
  fourth.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(fourth.ReadAnswer().status, 200U);
}

// What malloc has given out in all of its arenas: each thread has one. Not known under the
// sanitizers, which have an allocator of their own.
std::size_t HeapBytes() {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* out = ::open_memstream(&text, &size);
  EXPECT_EQ(::malloc_info(0, out), 0);
  std::fclose(out);
  const std::string all(text, size);
  std::free(text);
  // The sums stand behind the last arena.
  const auto sum = [&all](const std::string& what) -> std::size_t {
    const std::size_t at = all.find(what, all.rfind("</heap>"));
    if (at == std::string::npos) return 0;
    return std::stoull(all.substr(all.find("size=\"", at) + 6));
  };
  return sum("<system type=\"current\"") + sum("type=\"mmap\"") - sum("type=\"fast\"") -
         sum("type=\"rest\"");
}

TEST_F(ServerLimitsTest, IdleConnectionsCostLittle) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  // Both ends of a connection are in this process.
  const std::size_t count = std::min<std::size_t>(1100, (files.rlim_max - 100) / 2);
  ASSERT_GE(count, 400U) << "raise the limit of open files: ulimit -n";
  Start({});
  const auto ask = [](RawClient& client, std::size_t header_bytes) {
    client.Send("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(header_bytes, 'a') + "\r\n\r\n");
    return client.ReadAnswer().status;
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto open = [&](std::size_t number) {
    for (std::size_t i = 0; i < number; ++i) {
      clients.push_back(std::make_unique<RawClient>(port_));
      // What a large head needed is given back with the answer.
      ASSERT_EQ(ask(*clients.back(), i % 2 == 0 ? 60'000 : 100), 200U);
    }
  };
  open(100);
  clients.reserve(count);
  const std::size_t before = HeapBytes();
  open(count - 100);
  EXPECT_EQ(server_->stats().connections_open, count);
  const std::size_t each = (std::max(HeapBytes(), before) - before) / (count - 100);
  RecordProperty("bytes_a_connection", static_cast<int>(each));
  EXPECT_LT(each, 24_KiB);
  // They are alive.
  for (std::size_t i = 0; i < count; i += 20) ASSERT_EQ(ask(*clients[i], 0), 200U);
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return server_->stats().connections_open == 0; }));
}

TEST_F(ServerLimitsTest, EndsSlowClients) {
  Start(
      {.header_timeout = seconds(1), .idle_timeout = seconds(1), .body_stall_timeout = seconds(1)});
  RawClient idle(port_);
  RawClient head(port_);
  RawClient body(port_);
  RawClient reader(port_, 4096);
  head.Send("GET / HT");
  body.Send("PUT /read HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  reader.Send("GET /huge HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(idle.WaitClosed(8000));
  EXPECT_TRUE(head.WaitClosed(8000));
  EXPECT_TRUE(body.WaitClosed(8000));
  EXPECT_TRUE(Eventually([&] { return server_->stats().connections_open == 0; }));
  EXPECT_EQ(handler_.read_error, Code::kDeadlineExceeded);
  EXPECT_EQ(server_->stats().timeouts, 4U);
  EXPECT_LT(reader.ReadToEnd().size(), 64_MiB);
}

TEST_F(ServerLimitsTest, EndsClientsThatTrickle) {
  Start({.min_body_rate_bytes = 1000, .rate_window = seconds(1)});
  RawClient slow(port_);
  slow.Send("PUT /read HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  bool closed = false;
  for (int i = 0; i < 100 && !closed; ++i) closed = !slow.Send("x") || slow.WaitClosed(100);
  EXPECT_TRUE(closed);
  // The client may see the end before the handler does.
  EXPECT_TRUE(Eventually([&] { return handler_.read_error == Code::kDeadlineExceeded; }));
}

TEST_F(ServerLimitsTest, AHandlerThatWorksIsNotASlowClient) {
  Start(
      {.header_timeout = seconds(1), .idle_timeout = seconds(1), .body_stall_timeout = seconds(1)});
  RawClient client(port_);
  client.Send("GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_FALSE(client.WaitClosed(3000));
  EXPECT_EQ(handler_.cancelled, 0);
}

TEST_F(ServerLimitsTest, AClientThatLeavesStopsItsRequest) {
  Start({});
  {
    RawClient client(port_);
    client.Send("GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(Eventually([&] { return handler_.sleeping == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return handler_.cancelled == 1; }));
  EXPECT_TRUE(Eventually([&] { return server_->stats().connections_open == 0; }));
}

TEST_F(ServerLimitsTest, DrainLetsRequestsFinishAndThenCancels) {
  Start({});
  RawClient idle(port_);
  RawClient busy(port_);
  idle.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(idle.ReadAnswer().status, 200U);
  busy.Send("GET /nap HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Eventually([&] { return handler_.sleeping == 1; }));
  server_->Drain(seconds(10));
  const auto answer = busy.ReadAnswer();
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_TRUE(idle.WaitClosed(1000));
  server_.reset();

  Start({});
  RawClient stuck(port_);
  stuck.Send("GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Eventually([&] { return handler_.sleeping == 2; }));
  server_->Drain(milliseconds(100));
  EXPECT_EQ(handler_.cancelled, 1);
  EXPECT_EQ(server_->stats().connections_open, 0U);
}

TEST_F(ServerLimitsTest, SaysWhyItCannotListen) {
  Start({});
  const auto error = [&](ListenerOptions listener) {
    listener.handler = &handler_;
    std::vector<ListenerOptions> listeners;
    listeners.push_back(std::move(listener));
    Server server({.threads = 1}, std::move(listeners));
    return server.Start().error();
  };
  ListenerOptions taken;
  taken.port = port_;
  EXPECT_EQ(error(std::move(taken)).code(), Code::kNetwork);
  ListenerOptions name;
  name.address = "not-an-address";
  EXPECT_EQ(error(std::move(name)).code(), Code::kInvalidConfig);
  ListenerOptions tls;
  tls.tls = std::make_unique<TlsFiles>(TlsFiles{"/nonexistent.pem", "/nonexistent.key"});
  const Error missing = error(std::move(tls));
  EXPECT_EQ(missing.code(), Code::kInvalidConfig);
  EXPECT_NE(missing.message().find("/nonexistent.pem"), std::string::npos);
}

void MakeCertificate(const std::string& prefix, const std::string& name) {
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout " +
      prefix + ".key -out " + prefix + ".pem -subj /CN=" + name +
      " -addext subjectAltName=DNS:" + name + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
}

Task<std::string> FetchText(Client& client, ClientRequest request) {
  FB_CO_ASSIGN_OR_RETURN(ClientResponse response, co_await client.Send({}, std::move(request)));
  co_return co_await ReadAll(*response.body, 128_MiB);
}

TEST_F(ServerLimitsTest, SpeaksTlsAndReloadsItsCertificate) {
  const TempDir dir;
  const std::string prefix = dir.path() + "/s";
  MakeCertificate(prefix, "localhost");
  const TlsFiles files{prefix + ".pem", prefix + ".key"};
  Start({}, &files);
  ClientRequest get;
  get.url = "https://localhost:" + std::to_string(port_) + "/";
  ClientOptions trusting;
  trusting.ca_file = files.certificate_chain;
  Client client(trusting);
  auto text = RunSync(FetchText(client, get));
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, "tls");

  ClientRequest huge = get;
  huge.url += "huge";
  text = RunSync(FetchText(client, huge));
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_TRUE(*text == std::string(64_MiB, 'r'));
  const std::string body = Pattern(5'000'011);
  ClientRequest put = get;
  put.url += "read";
  put.method = Method::kPut;
  put.body = AsBytes(body);
  text = RunSync(FetchText(client, put));
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_TRUE(*text == body);
  EXPECT_EQ(server_->stats().connections_total, 1U);

  // Unknown authority, and the right one for another name.
  Client distrusting({});
  EXPECT_EQ(RunSync(FetchText(distrusting, get)).error().code(), Code::kNetwork);
  ClientRequest by_ip = get;
  by_ip.url = "https://127.0.0.1:" + std::to_string(port_) + "/";
  EXPECT_EQ(RunSync(FetchText(client, by_ip)).error().code(), Code::kNetwork);

  // A broken certificate leaves the old one; a new one serves new connections, old ones go on.
  ASSERT_EQ(std::rename((prefix + ".pem").c_str(), (prefix + ".old").c_str()), 0);
  EXPECT_EQ(server_->ReloadTls().error().code(), Code::kInvalidConfig);
  EXPECT_TRUE(RunSync(FetchText(client, get)));
  MakeCertificate(prefix, "localhost");
  ASSERT_TRUE(server_->ReloadTls());
  EXPECT_TRUE(RunSync(FetchText(client, get)));
  EXPECT_EQ(server_->stats().connections_open, 1U);
  Client renewed(trusting);
  EXPECT_TRUE(RunSync(FetchText(renewed, get)));
  ClientOptions outdated;
  outdated.ca_file = prefix + ".old";
  Client stale(outdated);
  EXPECT_FALSE(RunSync(FetchText(stale, get)));
}

TEST_F(ServerLimitsTest, PlainBytesOnATlsPortEndQuietly) {
  const TempDir dir;
  MakeCertificate(dir.path() + "/s", "localhost");
  const TlsFiles files{dir.path() + "/s.pem", dir.path() + "/s.key"};
  Start({}, &files);
  RawClient client(port_);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  bool closed = false;
  client.ReadToEnd(&closed);
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace forebay::http
