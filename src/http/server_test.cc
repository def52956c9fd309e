// The server against a client that speaks raw bytes.
#include "http/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "async/sleep.h"
#include "base/temp_dir_for_test.h"
#include "http/test_support.h"

namespace forebay::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FileSource final : public BodySource {
 public:
  FileSource(int descriptor, std::uint64_t offset, std::uint64_t length, std::uint64_t step)
      : descriptor_(descriptor), offset_(offset), left_(length), step_(step) {}
  Task<std::optional<BodyPiece>> Next(bool allow_file) override {
    if (left_ == 0) co_return std::optional<BodyPiece>();
    const std::uint64_t size = std::min(left_, step_);
    BodyPiece piece;
    if (allow_file) {
      piece.file = FileSpan{descriptor_, offset_, size};
    } else {
      auto memory = std::make_shared<std::string>(size, '\0');
      if (::pread(descriptor_, memory->data(), size, static_cast<off_t>(offset_)) !=
          static_cast<ssize_t>(size)) {
        co_return Fail(Code::kIo, "short read");
      }
      piece.memory = AsBytes(*memory);
      piece.keep_alive = memory;
    }
    offset_ += size;
    left_ -= size;
    co_return piece;
  }

 private:
  int descriptor_;
  std::uint64_t offset_;
  std::uint64_t left_;
  std::uint64_t step_;
};

// Gives the pieces of a list; then ends, or fails.
class ListSource final : public BodySource {
 public:
  ListSource(std::vector<std::string> pieces, bool fail_after)
      : pieces_(std::move(pieces)), fail_after_(fail_after) {}
  Task<std::optional<BodyPiece>> Next(bool) override {
    if (next_ == pieces_.size()) {
      if (fail_after_) co_return Fail(Code::kIo, "the disk is gone");
      co_return std::optional<BodyPiece>();
    }
    BodyPiece piece;
    piece.memory = AsBytes(pieces_[next_++]);
    co_return piece;
  }

 private:
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
  bool fail_after_;
};

// Has all of its body in memory, and says so: then nobody asks piece by piece.
class WholeSource final : public BodySource {
 public:
  explicit WholeSource(std::string body) : body_(std::move(body)) {}
  Task<std::optional<BodyPiece>> Next(bool) override {
    co_return Fail(Code::kInternal, "Next was called beside TakeWhole");
  }
  std::optional<BodyPiece> TakeWhole() override {
    BodyPiece piece;
    piece.memory = AsBytes(body_);
    return piece;
  }

 private:
  std::string body_;
};

// What the tests ask for by path.
class TestHandler final : public Handler {
 public:
  Task<Response> Handle(OpContext context, Request& request) override {
    ++requests;
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      last_id = context.request_id;
    }
    if (request.path == "/echo") return Echo(request);
    if (request.path == "/sleep") return Sleep(std::move(context));
    return Plain(request);
  }

  std::atomic<int> requests{0};
  std::atomic<int> cancelled{0};
  std::atomic<Code> read_error{Code::kInternal};
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::string last_id;
  int file = -1;
  std::size_t read_size = 64_KiB;

 private:
  Task<Response> Plain(Request& request) {
    Response response;
    response.headers.Add("Server", "test");
    if (request.path == "/target") {
      response.text = request.method_text + " " + request.target + "\n" + request.path + "\n" +
                      request.query + "\n" + request.client_ip;
    } else if (request.path == "/file") {
      // ?offset-length
      const std::uint64_t offset = std::stoull(request.query);
      const std::uint64_t length = std::stoull(request.query.substr(request.query.find('-') + 1));
      response.content_length = length;
      response.source = std::make_unique<FileSource>(file, offset, length, 1_MiB);
    } else if (request.path == "/pieces") {
      response.content_length = 11;
      response.source =
          std::make_unique<ListSource>(std::vector<std::string>{"hello", " ", "world"}, false);
    } else if (request.path == "/whole") {
      // ?declared-actual
      const std::size_t actual = std::stoull(request.query.substr(request.query.find('-') + 1));
      response.content_length = std::stoull(request.query);
      response.source = std::make_unique<WholeSource>(std::string(actual, 'w'));
    } else if (request.path == "/short") {
      response.content_length = 100;
      response.source = std::make_unique<ListSource>(std::vector<std::string>{"hello"}, false);
    } else if (request.path == "/long") {
      response.content_length = 4;
      response.source = std::make_unique<ListSource>(std::vector<std::string>{"ab", "cde"}, false);
    } else if (request.path == "/broken") {
      response.content_length = 100;
      response.source = std::make_unique<ListSource>(std::vector<std::string>{"hello"}, true);
    } else if (request.path == "/broken-early") {
      response.content_length = 100;
      response.source = std::make_unique<ListSource>(std::vector<std::string>{}, true);
    } else if (request.path == "/error") {
      co_return Fail(Code::kInternal, "as asked");
    } else if (request.path == "/204") {
      response.status = 204;
    } else if (request.path == "/304") {
      response.status = 304;
    } else if (request.path == "/split") {
      response.headers.Add("X-Echo", "a\r\nEvil: 1");
    } else {
      response.text = "ok";
    }
    co_return response;
  }
  Task<Response> Echo(Request& request) {
    Response response;
    std::vector<std::byte> buffer(read_size);
    for (;;) {
      auto got = co_await request.body->Read(buffer);
      if (!got) {
        read_error = got.error().code();
        co_return Fail(std::move(got.error()));
      }
      if (*got == 0) break;
      response.text.append(reinterpret_cast<const char*>(buffer.data()), *got);
    }
    co_return response;
  }
  Task<Response> Sleep(OpContext context) {
    for (int i = 0; i < 100; ++i) {
      if (context.cancel.stop_requested()) {
        ++cancelled;
        break;
      }
      if (!co_await SleepFor(milliseconds(50))) break;
    }
    co_return Response();
  }
};

class ServerTest : public testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    if (options.threads == 0) options.threads = 2;
    std::vector<ListenerOptions> listeners(1);
    listeners[0].handler = &handler_;
    server_ = std::make_unique<Server>(options, std::move(listeners));
    const auto started = server_->Start();
    ASSERT_TRUE(started) << started.error().ToString();
    port_ = server_->ports()[0];
  }

  RawClient::Answer Ask(std::string_view request, bool head_only = false) {
    RawClient client(port_);
    client.Send(request);
    return client.ReadAnswer(head_only);
  }

  TestHandler handler_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Start();
  RawClient client(port_);
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answer = client.ReadAnswer();
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, "ok");
    EXPECT_EQ(answer.Header("Content-Length"), "2");
    EXPECT_EQ(answer.Header("Server"), "test");
    EXPECT_EQ(answer.Header("Connection"), "");
    EXPECT_TRUE(answer.Header("Date").ends_with(" GMT"));
  }
  EXPECT_EQ(server_->stats().connections_total, 1U);
  EXPECT_EQ(server_->stats().connections_open, 1U);
  EXPECT_EQ(handler_.last_id.size(), 36U);
}

TEST_F(ServerTest, PreservesTheTarget) {
  Start();
  EXPECT_EQ(Ask("GET /target?a=%2F&b=c%20d HTTP/1.1\r\nHost: x\r\n\r\n").body,
            "GET /target?a=%2F&b=c%20d\n/target\na=%2F&b=c%20d\n127.0.0.1");
  EXPECT_EQ(Ask("PROPFIND http://h:1/target?q HTTP/1.1\r\nHost: x\r\n\r\n").body,
            "PROPFIND http://h:1/target?q\n/target\nq\n127.0.0.1");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  RawClient client(port_);
  client.Send(
      "GET /target?1 HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfirst"
      "\r\nGET /target?2 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.ReadAnswer().body.starts_with("GET /target?1"));
  EXPECT_EQ(client.ReadAnswer().body, "first");
  EXPECT_TRUE(client.ReadAnswer().body.starts_with("GET /target?2"));
}

TEST_F(ServerTest, TakesARequestByteByByte) {
  Start();
  RawClient client(port_);
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n")) {
    client.Send({&c, 1});
  }
  EXPECT_EQ(client.ReadAnswer().body, "abcde");
  client.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "ok");
}

TEST_F(ServerTest, ReadsLargeBodiesOfBothFramings) {
  Start();
  const std::string body = Pattern(3'000'017);
  RawClient client(port_);
  client.Send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  EXPECT_TRUE(client.ReadAnswer().body == body);
  std::string chunked = "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::size_t step = 1;
  for (std::size_t at = 0; at < body.size(); at += step) {
    step = std::min(body.size() - at, step * 3 % 100'003 + 1);
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", step);
    chunked += size + body.substr(at, step) + "\r\n";
    if (at + step == body.size()) break;
  }
  client.Send(chunked + "0\r\n\r\n");
  EXPECT_TRUE(client.ReadAnswer().body == body);
}

TEST_F(ServerTest, SendsContinueOnlyWhenTheBodyIsRead) {
  Start();
  RawClient client(port_);
  client.Send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadBytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc");
  EXPECT_EQ(client.ReadAnswer().body, "abc");

  client.Send(
      "PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.ReadAnswer();
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_TRUE(client.WaitClosed(2000));
}

TEST_F(ServerTest, DropsASmallUnreadBodyAndClosesOverALargeOne) {
  Start();
  RawClient client(port_);
  client.Send("PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" +
              std::string(60000, 'x') + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "ok");
  EXPECT_EQ(client.ReadAnswer().body, "ok");
  // The answer arrives though the server never reads the body: it lingers instead of resetting.
  client.Send("PUT /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
  client.Send(std::string(8'000'000, 'x'));
  const auto answer = client.ReadAnswer();
  EXPECT_EQ(answer.body, "ok");
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_EQ(handler_.requests, 3);
}

TEST_F(ServerTest, HeadAnd204And304HaveNoBody) {
  Start();
  RawClient client(port_);
  client.Send("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\nHEAD /pieces HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(true).Header("Content-Length"), "2");
  EXPECT_EQ(client.ReadAnswer(true).Header("Content-Length"), "11");
  client.Send("GET /204 HTTP/1.1\r\nHost: x\r\n\r\nGET /304 HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answer = client.ReadAnswer();
  EXPECT_EQ(answer.status, 204U);
  EXPECT_EQ(answer.Header("Content-Length"), "");
  answer = client.ReadAnswer();
  EXPECT_EQ(answer.status, 304U);
  client.Send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "ok");
}

TEST_F(ServerTest, ClosesWhenAsked) {
  Start();
  RawClient client(port_);
  client.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().Header("Connection"), "close");
  EXPECT_TRUE(client.WaitClosed(2000));
  RawClient old(port_);
  old.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.ReadAnswer().body, "ok");
  EXPECT_TRUE(old.WaitClosed(2000));
  RawClient kept(port_);
  kept.Send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(kept.ReadAnswer().Header("Connection"), "keep-alive");
  kept.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(kept.ReadAnswer().body, "ok");
}

TEST_F(ServerTest, StreamsPieces) {
  Start();
  EXPECT_EQ(Ask("GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n").body, "hello world");
}

TEST_F(ServerTest, TakesABodyThatIsInMemory) {
  Start();
  RawClient client(port_);
  // The last one is more than a socket takes at once.
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{8'000'000}}) {
    const std::string range = std::to_string(size) + "-" + std::to_string(size);
    client.Send("GET /whole?" + range + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.ReadAnswer().body, std::string(size, 'w'));
  }
  client.Send("HEAD /whole?5-5 HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(true).Header("Content-Length"), "5");
  EXPECT_EQ(client.ReadAnswer().body, "ok");
  for (const char* wrong : {"5-4", "4-5"}) {
    RawClient cut(port_);
    cut.Send(std::string("GET /whole?") + wrong + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(cut.WaitClosed(2000)) << wrong;
  }
}

TEST_F(ServerTest, ABodyOfTheWrongLengthEndsTheConnection) {
  Start();
  for (const char* path : {"/short", "/broken"}) {
    RawClient client(port_);
    client.Send(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answer = client.ReadAnswer();
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_FALSE(answer.complete);
    EXPECT_TRUE(client.WaitClosed(2000));
  }
  RawClient client(port_);
  client.Send("GET /long HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, "ab");
  EXPECT_TRUE(client.WaitClosed(2000));
  EXPECT_EQ(Ask("GET /broken-early HTTP/1.1\r\nHost: x\r\n\r\n").status, 500U);
  EXPECT_EQ(Ask("GET /error HTTP/1.1\r\nHost: x\r\n\r\n").status, 500U);
}

TEST_F(ServerTest, HeaderValuesCannotSplitTheAnswer) {
  Start();
  const auto answer = Ask("GET /split HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.Header("Evil"), "");
  EXPECT_EQ(answer.Header("X-Echo"), "a  Evil: 1");
}

TEST_F(ServerTest, SendsSpansOfFiles) {
  Start();
  const TempDir dir;
  const std::string content = Pattern(20'000'003);
  handler_.file = ::open((dir.path() + "/f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::pwrite(handler_.file, content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  RawClient client(port_);
  const auto get = [&](std::uint64_t offset, std::uint64_t length) {
    client.Send("GET /file?" + std::to_string(offset) + "-" + std::to_string(length) +
                " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.ReadAnswer().body;
  };
  EXPECT_TRUE(get(0, content.size()) == content);
  EXPECT_TRUE(get(1, 1) == content.substr(1, 1));
  EXPECT_TRUE(get(12'345'678, 5'000'000) == content.substr(12'345'678, 5'000'000));
  EXPECT_TRUE(get(5, 0).empty());
  // Past the end of the file: never wrong bytes, a cut.
  client.Send("GET /file?20000000-10 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer().body, content.substr(20'000'000));
  EXPECT_TRUE(client.WaitClosed(2000));
  // Bytes are counted by the sweep, so a little later.
  for (int i = 0; i < 200 && server_->stats().bytes_sent < content.size(); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_GE(server_->stats().bytes_sent, content.size() + 5'000'001);
  EXPECT_GE(server_->stats().bytes_received, 100U);
  ::close(handler_.file);
}

TEST_F(ServerTest, SpreadsAFewConnectionsEvenly) {
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  std::map<std::thread::id, int> counts;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
    handler_.threads.clear();
    clients.back()->Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(clients.back()->ReadAnswer().status, 200U);
    const std::lock_guard lock(handler_.mutex);
    ++counts[*handler_.threads.begin()];
  }
  ASSERT_EQ(counts.size(), 2U);
  for (const auto& [thread, count] : counts) EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace forebay::http
