// Credentials against a local server that plays the lake and the token endpoints.
#include "lake/credential.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/this_coro.hpp>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "async/run_sync.h"
#include "async/task_group.h"
#include "base/encoding.h"
#include "base/http_date.h"
#include "http/server.h"
#include "lake/azure_blob_lake.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

// Answers what it is told, and remembers what it was asked.
class Endpoint final : public http::Handler {
 public:
  Endpoint() : server_({.threads = 1}, Listeners()) { EXPECT_TRUE(server_.Start().has_value()); }
  Task<http::Response> Handle(OpContext, http::Request& request) override {
    FB_CO_ASSIGN_OR_RETURN(std::string body, co_await http::ReadAll(*request.body, 65'536));
    const std::lock_guard lock(mutex_);
    targets_.push_back(request.target);
    bodies_.push_back(std::move(body));
    headers_.push_back(request.headers);
    http::Response out;
    out.status = status_;
    out.text = text_;
    // A lake whose token must be "good".
    const bool refused =
        (!accepted_.empty() && !request.target.contains(accepted_)) ||
        (!accepted_token_.empty() && request.headers.Get("Authorization") != accepted_token_);
    if (refused) {
      out.status = 403;
      out.headers.Add("x-ms-error-code", "AuthenticationFailed");
    }
    out.headers.Add("ETag", "\"0x1\"");
    co_return out;
  }
  void Answer(unsigned status, std::string text) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    text_ = std::move(text);
  }
  void AcceptOnly(std::string part) {
    const std::lock_guard lock(mutex_);
    accepted_ = std::move(part);
  }
  void AcceptToken(std::string authorization) {
    const std::lock_guard lock(mutex_);
    accepted_token_ = std::move(authorization);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.ports()[0]); }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return targets_.size();
  }
  std::string target(std::size_t i) const { return targets_.at(i); }
  std::string body(std::size_t i) const { return bodies_.at(i); }
  std::string header(std::size_t i, std::string_view name) const {
    return std::string(headers_.at(i).Get(name));
  }

 private:
  std::vector<http::ListenerOptions> Listeners() {
    std::vector<http::ListenerOptions> out(1);
    out[0].handler = this;
    return out;
  }
  mutable std::mutex mutex_;
  std::vector<std::string> targets_, bodies_;
  std::vector<http::Headers> headers_;
  unsigned status_ = 200;
  std::string text_, accepted_, accepted_token_;
  http::Server server_;
};

std::string TempFile(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/lake_" + name + std::to_string(::getpid());
  std::ofstream(path) << text;
  return path;
}

TEST(ManagedIdentity, AsksOnceAndRenewsInTime) {
  Endpoint endpoint;
  ManualClock clock;
  const auto tokens = MakeManagedIdentity(
      {.endpoint = endpoint.url() + "/metadata/token", .client_id = "id-1", .clock = &clock});
  endpoint.Answer(200, R"({"access_token":"T1","expires_in":"3600"})");
  EXPECT_EQ(*RunSync(tokens->Token({})), "T1");
  EXPECT_EQ(*RunSync(tokens->Token({})), "T1");
  ASSERT_EQ(endpoint.count(), 1u);
  EXPECT_EQ(endpoint.header(0, "Metadata"), "true");
  EXPECT_EQ(endpoint.target(0),
            "/metadata/token?api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
            "&client_id=id-1");
  endpoint.Answer(200, R"({"access_token":"T2","expires_in":3600})");
  clock.Advance(54min);
  EXPECT_EQ(*RunSync(tokens->Token({})), "T1");
  clock.Advance(2min);
  EXPECT_EQ(*RunSync(tokens->Token({})), "T2");
  EXPECT_EQ(endpoint.count(), 2u);
}

// However new it is; but a lake that refuses every token has one fetched once a minute.
TEST(ManagedIdentity, ARefusedTokenIsReplacedAtOnceAndOnceAMinute) {
  Endpoint endpoint;
  ManualClock clock;
  const auto tokens = MakeManagedIdentity({.endpoint = endpoint.url() + "/t", .clock = &clock});
  const auto bring = [&](int number) {
    endpoint.Answer(200,
                    R"({"access_token":"T)" + std::to_string(number) + R"(","expires_in":"3600"})");
  };
  bring(1);
  ASSERT_EQ(*RunSync(tokens->Token({})), "T1");
  bring(2);
  EXPECT_TRUE(tokens->Discard());
  EXPECT_TRUE(tokens->Discard()) << "the new one is on its way";
  EXPECT_EQ(*RunSync(tokens->Token({})), "T2");
  bring(3);
  clock.Advance(59s);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(tokens->Discard()) << "it may have been sent with the one before";
    EXPECT_EQ(*RunSync(tokens->Token({})), "T2");
  }
  EXPECT_EQ(endpoint.count(), 2u);
  clock.Advance(1s);
  EXPECT_TRUE(tokens->Discard());
  EXPECT_EQ(*RunSync(tokens->Token({})), "T3");
  EXPECT_EQ(endpoint.count(), 3u);
}

TEST(ManagedIdentity, SaysWhyThereIsNoToken) {
  Endpoint endpoint;
  const auto tokens = MakeManagedIdentity({.endpoint = endpoint.url() + "/t"});
  endpoint.Answer(400, R"({"error":"invalid_request","error_description":"Identity not found"})");
  const auto none = RunSync(tokens->Token({}));
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), Code::kAuthenticationFailed);
  EXPECT_TRUE(none.error().message().contains("Identity not found"));
  endpoint.Answer(200, "not json");
  EXPECT_EQ(RunSync(tokens->Token({})).error().code(), Code::kAuthenticationFailed);
}

Task<> AskOnce(TokenSource& tokens, std::atomic<int>& refused) {
  const auto token = co_await tokens.Token({});
  if (!token) ++refused;
  co_return Result<>();
}

Task<> AskAtOnce(TokenSource& tokens, int callers, std::atomic<int>& refused) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (int i = 0; i < callers; ++i) group.Spawn(AskOnce(tokens, refused));
  co_return co_await group.Join();
}

TEST(ManagedIdentity, ManyThatNeedATokenCauseOneRequestWhateverComesOfIt) {
  Endpoint endpoint;
  const auto tokens = MakeManagedIdentity({.endpoint = endpoint.url() + "/t"});
  endpoint.Answer(400, R"({"error":"invalid_request"})");
  std::atomic<int> refused{0};
  ASSERT_TRUE(RunSync(AskAtOnce(*tokens, 20, refused)).has_value());
  EXPECT_EQ(refused, 20);
  EXPECT_EQ(endpoint.count(), 1u);
  endpoint.Answer(200, R"({"access_token":"T1","expires_in":"3600"})");
  ASSERT_TRUE(RunSync(AskAtOnce(*tokens, 20, refused)).has_value());
  EXPECT_EQ(refused, 20) << "whoever asks later asks anew";
  EXPECT_EQ(endpoint.count(), 2u);
}

TEST(ManagedIdentity, ATokenThatTheLakeRefusesIsReplaced) {
  Endpoint identity, endpoint;
  ManualClock clock;
  AzureBlobLakeOptions options;
  options.endpoint = *ParseLakeEndpoint(endpoint.url() + "/account1/lake");
  options.credential =
      MakeBearer(MakeManagedIdentity({.endpoint = identity.url() + "/t", .clock = &clock}));
  AzureBlobLake lake(std::move(options));
  const PutRequest put{.name = BlobName("a"), .content = TextContent("x")};
  identity.Answer(200, R"({"access_token":"T1","expires_in":"3600"})");
  endpoint.AcceptToken("Bearer T1");
  ASSERT_TRUE(RunSync(lake.Put({}, put)).has_value());
  // Revoked as soon as it is there.
  identity.Answer(200, R"({"access_token":"T2","expires_in":"3600"})");
  endpoint.AcceptToken("Bearer T2");
  EXPECT_TRUE(RunSync(lake.Put({}, put)).has_value());
  EXPECT_EQ(identity.count(), 2u);
  endpoint.AcceptToken("none");
  const auto refused = RunSync(lake.Put({}, put));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kAuthenticationFailed);
  EXPECT_FALSE(refused.error().ToString().contains("T2"));
  EXPECT_EQ(identity.count(), 2u) << "within a minute";
}

TEST(WorkloadIdentity, ExchangesTheFederatedTokenOfTheMoment) {
  Endpoint endpoint;
  ManualClock clock;
  const std::string file = TempFile("federated", "JWT/1\n");
  const auto tokens = MakeWorkloadIdentity({.authority_host = endpoint.url(),
                                            .tenant_id = "tenant",
                                            .client_id = "client",
                                            .token_file = file,
                                            .clock = &clock});
  endpoint.Answer(200, R"({"token_type":"Bearer","expires_in":3599,"access_token":"T1"})");
  EXPECT_EQ(*RunSync(tokens->Token({})), "T1");
  EXPECT_EQ(endpoint.target(0), "/tenant/oauth2/v2.0/token");
  EXPECT_TRUE(endpoint.body(0).contains("client_id=client"));
  EXPECT_TRUE(endpoint.body(0).contains("scope=https%3A%2F%2Fstorage.azure.com%2F.default"));
  EXPECT_TRUE(endpoint.body(0).ends_with("&client_assertion=JWT%2F1"));
  std::ofstream(file) << "JWT/2";
  clock.Advance(1h);
  EXPECT_EQ(*RunSync(tokens->Token({})), "T1");
  EXPECT_TRUE(endpoint.body(1).ends_with("&client_assertion=JWT%2F2"));
  std::filesystem::remove(file);
  clock.Advance(1h);
  EXPECT_EQ(RunSync(tokens->Token({})).error().code(), Code::kAuthenticationFailed);
}

TEST(Sas, IsReadAgainWhenItWasRotated) {
  Endpoint endpoint;
  const std::string file = TempFile("sas", "?sv=2025&sp=rl&sig=OLD%2F1\n");
  AzureBlobLakeOptions options;
  options.endpoint = *ParseLakeEndpoint(endpoint.url() + "/account1/lake");
  options.credential = std::move(*MakeSasFile(file));
  AzureBlobLake lake(std::move(options));
  PutRequest put{.name = BlobName("a"), .content = TextContent("x")};
  endpoint.AcceptOnly("sig=OLD%2F1");
  ASSERT_TRUE(RunSync(lake.Put({}, put)).has_value());
  // The lake no longer takes the old one, and the file has a new one of the same size.
  endpoint.AcceptOnly("sig=NEW%2F2");
  std::ofstream(file) << "?sv=2025&sp=rl&sig=NEW%2F2\n";
  EXPECT_TRUE(RunSync(lake.Put({}, put)).has_value());
  endpoint.AcceptOnly("sig=NONE");
  const auto refused = RunSync(lake.Put({}, put));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kAuthenticationFailed);
  EXPECT_FALSE(refused.error().ToString().contains("NEW"));
  std::filesystem::remove(file);
}

// What a lake that refuses the credential is understood to mean; `now` is our time, not the lake's.
Error RefusalOf(Endpoint& endpoint, const std::string& credential, WallTime now) {
  endpoint.AcceptOnly("nothing");
  ManualClock clock;
  clock.Set(now);
  AzureBlobLakeOptions options;
  options.endpoint = *ParseLakeEndpoint(endpoint.url() + "/account1/lake");
  options.credential = std::move(*MakeCredential(options.endpoint, credential));
  options.clock = &clock;
  AzureBlobLake lake(std::move(options));
  const auto refused = RunSync(lake.Put({}, {.name = BlobName("a")}));
  EXPECT_FALSE(refused.has_value());
  return refused ? Error(Code::kInternal, "") : refused.error();
}

TEST(Refusal, OfAKeyIsTheClocksWhereTheyDiffer) {
  Endpoint endpoint;
  const WallTime now = Clock::System().Now();
  const struct {
    std::chrono::minutes ours;
    Code code;
    const char* words;
  } cases[] = {
      {20min, Code::kClockSkew, "20 minutes behind ours"},
      {-20min, Code::kClockSkew, "minutes ahead of ours"},
      {5min, Code::kAuthenticationFailed, "this one is wrong, or was replaced"},
      {0min, Code::kAuthenticationFailed, "this one is wrong, or was replaced"},
  };
  for (const auto& [ours, code, words] : cases) {
    const Error refused = RefusalOf(endpoint, "key:c2VjcmV0", now + ours);
    EXPECT_EQ(refused.code(), code) << ours.count();
    EXPECT_TRUE(refused.message().contains(words)) << refused.message();
    EXPECT_FALSE(refused.message().contains("c2VjcmV0"));
  }
}

TEST(Refusal, OfASasIsItsTimeByTheLakesClock) {
  Endpoint endpoint;
  const WallTime now = Clock::System().Now();
  const auto sas = [&](std::chrono::minutes from, std::chrono::minutes until) {
    return "sas:sv=2025-07-05&st=" + FormatIso8601(now + from, 0) +
           "&se=" + FormatIso8601(now + until, 0) + "&sp=rl&sig=SECRET";
  };
  const struct {
    std::string credential;
    std::string words;
  } cases[] = {
      {sas(-120min, -60min), "expired: it was good until " + FormatIso8601(now - 60min, 0)},
      {sas(60min, 120min), "it begins at " + FormatIso8601(now + 60min, 0)},
      {sas(-60min, 60min), "The SAS is wrong, was revoked"},
  };
  for (const auto& [credential, words] : cases) {
    // Whatever our own clock says: it has no part in it.
    for (const auto ours : {0min, 600min}) {
      const Error refused = RefusalOf(endpoint, credential, now + ours);
      EXPECT_EQ(refused.code(), Code::kAuthenticationFailed);
      EXPECT_TRUE(refused.message().contains(words)) << refused.message();
      EXPECT_FALSE(refused.message().contains("SECRET"));
    }
  }
}

TEST(Token, IsSentAndReadAgainWhenItWasRenewed) {
  Endpoint endpoint;
  const std::string file = TempFile("token", "eyJ0eXAi.OLD_1\n");
  AzureBlobLakeOptions options;
  options.endpoint = *ParseLakeEndpoint(endpoint.url() + "/account1/lake");
  options.credential = std::move(*MakeCredential(options.endpoint, "token:@" + file));
  AzureBlobLake lake(std::move(options));
  PutRequest put{.name = BlobName("a"), .content = TextContent("x")};
  endpoint.AcceptToken("Bearer eyJ0eXAi.OLD_1");
  ASSERT_TRUE(RunSync(lake.Put({}, put)).has_value());
  endpoint.AcceptToken("Bearer eyJ0eXAi.NEW_2");
  std::ofstream(file) << "eyJ0eXAi.NEW_2\n";
  EXPECT_TRUE(RunSync(lake.Put({}, put)).has_value());
  endpoint.AcceptToken("none");
  // What would end the header, or is half a file, is not taken.
  std::ofstream(file) << "two words\n";
  const auto refused = RunSync(lake.Put({}, put));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kAuthenticationFailed);
  EXPECT_FALSE(refused.error().ToString().contains("NEW"));
  EXPECT_EQ(endpoint.header(endpoint.count() - 1, "Authorization"), "Bearer eyJ0eXAi.NEW_2");
  std::filesystem::remove(file);
}

TEST(Credential, ReadsWhatAUserWrites) {
  const auto endpoint = *ParseLakeEndpoint("https://acct1.blob.core.windows.net/data");
  const auto made = [&](std::string_view text) {
    const auto credential = MakeCredential(endpoint, text);
    return credential ? (*credential)->description() : credential.error().message();
  };
  EXPECT_EQ(made("key:c2VjcmV0"), "shared key");
  EXPECT_EQ(made("sas:?sv=1&sig=x"), "SAS");
  EXPECT_EQ(made("token:eyJ0eXAi"), "token");
  EXPECT_EQ(made("managed-identity"), "managed identity");
  EXPECT_EQ(made("managed-identity:1234"), "managed identity");
  EXPECT_EQ(made("anonymous"), "none");
  const std::string file = TempFile("key", "c2VjcmV0\n");
  EXPECT_EQ(made("key:@" + file), "shared key");
  std::filesystem::remove(file);
  EXPECT_TRUE(made("key:@" + file).contains(file));
  for (const char* bad : {"SECRET", "key:", "sas:SECRET", "other:SECRET", "token:SECRET\n1"}) {
    const auto credential = MakeCredential(endpoint, bad);
    ASSERT_FALSE(credential.has_value()) << bad;
    EXPECT_EQ(credential.error().code(), Code::kInvalidConfig);
    EXPECT_FALSE(credential.error().message().contains("SECRET"));
  }
}

}  // namespace
}  // namespace forebay::lake
