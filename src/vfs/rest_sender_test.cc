// One request and its repeats, against servers that misbehave.
#include "vfs/rest_sender.h"

#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <thread>

#include "async/run_sync.h"
#include "base/encoding.h"
#include "http/server.h"
#include "vfs/closed_port_for_test.h"
#include "vfs/errno_of.h"

namespace forebay::vfs {
namespace {

using std::chrono::milliseconds;

// Answers what it was told to, in turn, and the last for ever.
class Script final : public http::Handler {
 public:
  struct Line {
    unsigned status = 200;
    std::string code{};
    std::string text{};
    bool hang_up = false;  // after the request, without an answer
  };
  explicit Script(std::deque<Line> lines) : lines_(std::move(lines)) {}

  Task<http::Response> Handle(OpContext, http::Request& request) override {
    FB_CO_ASSIGN_OR_RETURN(const std::string body, co_await http::ReadAll(*request.body, 1u << 20));
    std::lock_guard lock(mutex_);
    bodies.push_back(body);
    const Line line = lines_.front();
    if (lines_.size() > 1) lines_.pop_front();
    http::Response response;
    response.status = line.status;
    response.text = line.text;
    if (!line.code.empty()) response.headers.Add("x-ms-error-code", line.code);
    if (line.hang_up) {
      // Longer than what comes: the client sees the answer break off.
      response.text.clear();
      response.source = std::make_unique<Broken>();
      response.content_length = 10;
    }
    co_return response;
  }
  std::vector<std::string> bodies;

 private:
  class Broken final : public BodySource {
   public:
    Task<std::optional<BodyPiece>> Next(bool) override {
      co_return Fail(Code::kIo, "Broken on purpose.");
    }
  };
  std::mutex mutex_;
  std::deque<Line> lines_;
};

std::unique_ptr<http::Server> Serve(Script& script, std::uint16_t port = 0) {
  http::ServerOptions options;
  options.threads = 1;
  std::vector<http::ListenerOptions> listeners(1);
  listeners[0].handler = &script;
  listeners[0].port = port;
  auto server = std::make_unique<http::Server>(options, std::move(listeners));
  EXPECT_TRUE(server->Start().has_value());
  return server;
}

RestSenderOptions OptionsFor(std::uint16_t port) {
  RestSenderOptions options;
  options.endpoint =
      *lake::ParseLakeEndpoint("http://127.0.0.1:" + std::to_string(port) + "/devlakeaccount1/box");
  options.credential = *lake::MakeSharedKey(options.endpoint, "a2V5");
  return options;
}

RestCall Put(std::string_view body, bool* repeated = nullptr) {
  RestCall call;
  call.method = http::Method::kPut;
  call.path = "/devlakeaccount1/box/file";
  call.body.push_back(AsBytes(body));
  call.repeated = repeated;
  return call;
}

OpContext Within(milliseconds time) {
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + time;
  return context;
}

TEST(RestSender, WaitsForAServerThatIsBusy) {
  Script script({{.status = 503, .code = "ServerBusy"},
                 {.status = 503, .code = "ServerBusy"},
                 {.status = 201}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  bool repeated = false;
  const auto answer = RunSync(sender.Send({}, Put("body", &repeated)));
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->status, 201u);
  EXPECT_EQ(script.bodies, (std::vector<std::string>{"body", "body", "body"}));
  EXPECT_FALSE(repeated) << "what was refused for being busy was not done";
}

TEST(RestSender, SaysWhenAnEarlierTryMayHaveBeenDone) {
  Script script({{.hang_up = true}, {.status = 409, .code = "PathAlreadyExists"}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  bool repeated = false;
  const auto answer = RunSync(sender.Send({}, Put("body", &repeated)));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code(), Code::kPathAlreadyExists);
  EXPECT_TRUE(repeated);
}

TEST(RestSender, DoesNotRepeatWhatWasRefused) {
  Script script({{.status = 404, .code = "PathNotFound"}, {.status = 201}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  const auto answer = RunSync(sender.Send({}, Put("body")));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(ErrnoOf(answer.error()), ENOENT);
  EXPECT_EQ(script.bodies.size(), 1u);
}

TEST(RestSender, GivesUpOnAServerThatBreaksEachTime) {
  Script script({{.status = 500, .code = "InternalError"}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  const auto answer = RunSync(sender.Send({}, Put("body")));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(ErrnoOf(answer.error()), EIO) << answer.error().ToString();
  EXPECT_GT(script.bodies.size(), 2u);
  EXPECT_LT(script.bodies.size(), 20u);
}

TEST(RestSender, AFullDiskIsToldAtOnce) {
  Script script({{.status = 507, .code = "InsufficientStorage"}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  const auto answer = RunSync(sender.Send({}, Put("body")));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(ErrnoOf(answer.error()), ENOSPC);
  EXPECT_EQ(script.bodies.size(), 1u);
}

TEST(RestSender, WaitsForAServerThatIsNotThereYet) {
  Script script({{.status = 200, .text = "here"}});
  const ClosedPort place;
  RestSender sender(OptionsFor(place.port()));
  std::unique_ptr<http::Server> server;
  std::thread late([&] {
    std::this_thread::sleep_for(milliseconds(300));
    server = Serve(script, place.port());
  });
  RestCall call;
  call.path = "/devlakeaccount1/box/file";
  const auto answer = RunSync(sender.Send(Within(std::chrono::seconds(20)), std::move(call)));
  late.join();
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->text, "here");
}

TEST(RestSender, EndsWithItsDeadlineAndItsCancellation) {
  Script script({{.status = 503, .code = "ServerBusy"}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  const auto late = RunSync(sender.Send(Within(milliseconds(200)), Put("body")));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(ErrnoOf(late.error()), ETIMEDOUT) << late.error().ToString();
  std::stop_source stop;
  OpContext context;
  context.cancel = stop.get_token();
  std::thread canceller([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  const auto cancelled = RunSync(sender.Send(context, Put("body")));
  canceller.join();
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(ErrnoOf(cancelled.error()), EINTR) << cancelled.error().ToString();
}

TEST(RestSender, ReadsIntoTheCallersMemory) {
  Script script({{.hang_up = true}, {.status = 206, .text = "0123456789"}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  std::string room(16, '?');
  RestCall call;
  call.path = "/devlakeaccount1/box/file";
  call.into = std::as_writable_bytes(std::span(room));
  const auto answer = RunSync(sender.Send({}, call));
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ(answer->bytes, 10u);
  EXPECT_EQ(room, "0123456789??????");
  // What does not fit is no answer to what was asked.
  call.into = std::as_writable_bytes(std::span(room)).first(5);
  EXPECT_FALSE(RunSync(sender.Send(Within(milliseconds(300)), call)).has_value());
}

TEST(RestSender, SendsSeveralSpansAsOneBody) {
  Script script({{.status = 200}});
  const auto server = Serve(script);
  RestSender sender(OptionsFor(server->ports()[0]));
  RestCall call = Put("one ");
  call.body.push_back({});
  call.body.push_back(AsBytes("two"));
  ASSERT_TRUE(RunSync(sender.Send({}, std::move(call))).has_value());
  EXPECT_EQ(script.bodies, (std::vector<std::string>{"one two"}));
}

}  // namespace
}  // namespace forebay::vfs
