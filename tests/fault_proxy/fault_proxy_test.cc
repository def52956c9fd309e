// The proxy, and the lake's client behind it: what a bad link does, and that the client says so.
#include "fault_proxy/fault_proxy.h"

#include <gtest/gtest.h>

#include <map>

#include "async/run_sync.h"
#include "base/http_date.h"
#include "http/client.h"
#include "http/server.h"
#include "lake/azure_blob_lake.h"

namespace forebay::fault_proxy {
namespace {

using namespace lake;
using namespace std::chrono_literals;

// A Blob server of a few words: Put Blob with If-None-Match and If-Match, Get Blob with ranges.
class TinyServer final : public http::Handler {
 public:
  Task<http::Response> Handle(OpContext, http::Request& request) override {
    std::string body(request.body->content_length().value_or(0), '\0');
    std::size_t done = 0;
    while (done < body.size()) {
      FB_CO_ASSIGN_OR_RETURN(
          const std::size_t got,
          co_await request.body->Read(std::as_writable_bytes(std::span(body)).subspan(done)));
      if (got == 0) break;
      done += got;
    }
    ++requests;
    {
      const std::lock_guard lock(mutex_);
      date_ = request.headers.Get("x-ms-date");
    }
    co_return request.method == http::Method::kPut ? Put(request, std::move(body)) : Get(request);
  }
  std::string date() const {
    const std::lock_guard lock(mutex_);
    return date_;
  }
  std::atomic<int> requests{0};
  std::atomic<int> puts{0};

 private:
  http::Response Put(const http::Request& request, std::string body) {
    http::Response out;
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(request.path);
    const auto match = request.headers.Find("If-Match");
    const bool fails = (request.headers.Has("If-None-Match") && found != blobs_.end()) ||
                       (match && (found == blobs_.end() || *match != found->second.first));
    out.status = fails ? 412 : 201;
    if (fails) {
      out.headers.Add("x-ms-error-code", "ConditionNotMet");
      return out;
    }
    const std::string etag = "\"0x" + std::to_string(++puts) + "\"";
    blobs_[request.path] = {etag, std::move(body)};
    out.headers.Add("ETag", etag);
    return out;
  }
  http::Response Get(const http::Request& request) {
    http::Response out;
    const std::lock_guard lock(mutex_);
    const auto found = blobs_.find(request.path);
    out.status = found == blobs_.end() ? 404 : 206;
    if (found == blobs_.end()) return out;
    const std::string& text = found->second.second;
    std::size_t first = 0, last = text.size() - 1;
    if (const auto range = request.headers.Find("x-ms-range")) {
      std::sscanf(std::string(*range).c_str(), "bytes=%zu-%zu", &first, &last);
    }
    out.headers.Add("ETag", found->second.first);
    out.headers.Add("Content-Range", "bytes " + std::to_string(first) + "-" + std::to_string(last) +
                                         "/" + std::to_string(text.size()));
    out.text = text.substr(first, last - first + 1);
    return out;
  }

  mutable std::mutex mutex_;
  std::string date_;  // of the last request, as it came
  std::map<std::string, std::pair<std::string, std::string>> blobs_;
};

struct FaultProxyTest : testing::Test {
  void SetUp() override {
    std::vector<http::ListenerOptions> listeners(1);
    listeners[0].handler = &tiny;
    server =
        std::make_unique<http::Server>(http::ServerOptions{.threads = 1}, std::move(listeners));
    ASSERT_TRUE(server->Start().has_value());
    proxy = std::make_unique<FaultProxy>(FaultProxyOptions{.upstream_port = server->ports()[0]});
    ASSERT_TRUE(proxy->Start().has_value());
    AzureBlobLakeOptions options;
    options.endpoint =
        *ParseLakeEndpoint("http://127.0.0.1:" + std::to_string(proxy->port()) + "/account1/lake");
    options.credential = MakeAnonymous();
    options.accounting = &accounting;
    options.retry.first_pause = 5ms;
    lake = std::make_unique<AzureBlobLake>(std::move(options));
  }
  void Set(std::string_view query) { ASSERT_TRUE(proxy->settings().Apply(query).has_value()); }
  Result<WriteAnswer> Put(std::string text, bool absent = false) {
    PutRequest put{.name = BlobName("a"), .content = TextContent(std::move(text))};
    put.conditions.absent = absent;
    return RunSync(lake->Put(Within(10s), std::move(put)));
  }
  static LakeCall Within(std::chrono::milliseconds time) {
    LakeCall out;
    out.context.deadline = std::chrono::steady_clock::now() + time;
    return out;
  }
  static Task<std::string> Read(AzureBlobLake& lake, LakeCall call) {
    GetRequest request{.name = BlobName("a"), .range = LakeRange{}};
    FB_CO_ASSIGN_OR_RETURN(GetAnswer answer, co_await lake.Get(call, std::move(request)));
    std::string out;
    std::string piece(50'000, '\0');
    for (;;) {
      FB_CO_ASSIGN_OR_RETURN(const std::size_t got,
                             co_await answer.body->Read(std::as_writable_bytes(std::span(piece))));
      if (got == 0) co_return out;
      out.append(piece, 0, got);
    }
  }
  Result<std::string> Get(std::chrono::milliseconds time = 10s) {
    return RunSync(Read(*lake, Within(time)));
  }

  TinyServer tiny;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<FaultProxy> proxy;
  Accounting accounting;
  std::unique_ptr<AzureBlobLake> lake;
};

TEST_F(FaultProxyTest, ForwardsWhatItIsGiven) {
  std::string text(3'000'000, 'x');
  text[1'234'567] = 'y';
  ASSERT_TRUE(Put(text).has_value());
  const auto back = Get();
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_TRUE(*back == text);
  EXPECT_EQ(accounting.usage().failures, 0u);
}

TEST_F(FaultProxyTest, RefusalsAreTriedAgain) {
  Set("error_share=1&error_status=503");
  const auto failed = Put("one");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kServerBusy);
  EXPECT_EQ(tiny.puts.load(), 0);
  EXPECT_EQ(accounting.usage().retries, 5u);
  Set("error_share=0.3");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Put("two").has_value());
}

Task<std::string> DateOfAnswer(http::Client& client, std::string url, std::string date) {
  http::ClientRequest request;
  request.url = std::move(url);
  request.headers.Add("x-ms-date", date);
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse answer, co_await client.Send({}, std::move(request)));
  std::string said(answer.headers.Get("Date"));
  FB_CO_RETURN_IF_ERROR(co_await http::ReadAll(*answer.body, 1000));
  co_return said;
}

TEST_F(FaultProxyTest, AClockMayBeWrong) {
  http::Client client({});
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy->port()) + "/account1/lake/a";
  const std::string sent = "Sun, 22 Nov 2026 00:10:00 GMT";
  const std::pair<int, const char*> cases[] = {{1200, "Sat, 21 Nov 2026 23:50:00 GMT"},
                                               {-1200, "Sun, 22 Nov 2026 00:30:00 GMT"},
                                               {0, "Sun, 22 Nov 2026 00:10:00 GMT"}};
  for (const auto& [ahead, seen] : cases) {
    Set("clock_ahead_s=" + std::to_string(ahead));
    const std::int64_t before = Clock::System().Now().seconds();
    const auto said = RunSync(DateOfAnswer(client, url, sent));
    ASSERT_TRUE(said.has_value()) << said.error().ToString();
    EXPECT_EQ(tiny.date(), seen);
    const auto date = ParseHttpDate(*said);
    ASSERT_TRUE(date) << *said;
    // A server writes its date once a second.
    EXPECT_GE(date->seconds(), before + ahead - 1);
    EXPECT_LE(date->seconds(), Clock::System().Now().seconds() + ahead);
  }
}

TEST_F(FaultProxyTest, ARetryAfterTooLongIsHandedOn) {
  Set("error_share=1&retry_after_s=60");
  const auto failed = Put("one");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().retry_after(), 60s);
  EXPECT_EQ(accounting.usage().retries, 0u);
}

TEST_F(FaultProxyTest, ALostAnswerOfAPinnedWriteIsAnUnknownOutcome) {
  Set("lost_share=1");
  const auto lost = Put("one", true);
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code(), Code::kUnknownOutcome) << lost.error().ToString();
  EXPECT_EQ(tiny.puts.load(), 1) << "its repetitions fail their condition";
  Set("lost_share=0");
  EXPECT_EQ(*Get(), "one");
  // Without anything lost the same refusal is what it says.
  EXPECT_EQ(Put("two", true).error().code(), Code::kConditionNotMet);
}

TEST_F(FaultProxyTest, BrokenBodiesAreTakenUpAgain) {
  std::string text(2'000'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761u >> 16);
  ASSERT_TRUE(Put(text).has_value());
  Set("short_share=0.5");
  int read = 0;
  for (int i = 0; i < 20; ++i) {
    const auto back = Get();
    if (!back) continue;
    ++read;
    EXPECT_TRUE(*back == text);
  }
  EXPECT_GT(read, 10);
  EXPECT_GT(accounting.usage().retries, 0u);
  Set("short_share=1");
  EXPECT_EQ(Get().error().code(), Code::kConnectionClosed);
}

TEST_F(FaultProxyTest, ResetsAreTriedAgain) {
  ASSERT_TRUE(Put("one").has_value());
  Set("reset_share=0.3");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(*Get(), "one");
}

TEST_F(FaultProxyTest, ABlackHoleLastsAsLongAsItIsThere) {
  ASSERT_TRUE(Put("one").has_value());
  Set("black_hole=1");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Get(200ms).error().code(), Code::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  Set("black_hole=0");
  EXPECT_EQ(*Get(), "one");
}

TEST_F(FaultProxyTest, LatencyAndBandwidthAreFelt) {
  ASSERT_TRUE(Put(std::string(500'000, 'x')).has_value());
  Set("rtt_ms=60");
  auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(Put("x").has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 58ms);
  ASSERT_TRUE(Put(std::string(500'000, 'x')).has_value());
  Set("rtt_ms=0&down_rate=1000000");
  begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(Get().has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 350ms);
}

TEST_F(FaultProxyTest, SettingsAreChecked) {
  EXPECT_FALSE(proxy->settings().Apply("error_share=2").has_value());
  EXPECT_FALSE(proxy->settings().Apply("rtt_ms=15&nothing=1").has_value());
  EXPECT_EQ(proxy->settings().half_rtt(), 0ns) << "nothing is changed then";
}

}  // namespace
}  // namespace forebay::fault_proxy
