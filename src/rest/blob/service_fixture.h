// For the tests of rest/blob: a BlobService over the engine's in-memory parts, requests without a
// socket, signed as clients sign them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "azure/sas.h"
#include "azure/shared_key.h"
#include "engine/engine_fixture.h"
#include "rest/blob/blob_service.h"

namespace forebay::rest {

inline constexpr std::string_view kTestKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
inline constexpr std::string_view kTestHost = "127.0.0.1:10000";

// Sources that answer from a table, and remember what they were asked.
class FakeFetcher final : public SourceFetcher {
 public:
  struct Source {
    std::string content;
    http::Headers headers;
    unsigned status = 200;
    std::size_t cut_at = std::string::npos;  // the body breaks off there
    int cuts = 1'000'000;                    // so often
  };
  Task<FetchedSource> Fetch(OpContext /*context*/, FetchRequest request) override {
    asked.push_back(request.url);
    last_headers = request.headers;
    ranges.push_back(!request.range ? std::string()
                                    : std::to_string(request.range->first) + "-" +
                                          std::to_string(request.range->last));
    std::this_thread::sleep_for(delay);
    const auto found = sources.find(request.url);
    if (found == sources.end()) co_return Fail(SourceError(404, "BlobNotFound", "Not there."));
    Source& source = found->second;
    if (source.status != 200) co_return Fail(SourceError(source.status, "", "It said no."));
    std::string content = source.content;
    if (request.range) {
      content =
          content.substr(request.range->first, request.range->last - request.range->first + 1);
    }
    FetchedSource out;
    out.headers = source.headers;
    out.length = content.size();
    auto reader = std::make_unique<engine::TextReader>(std::move(content));
    // The first fetch of a copy only looks how large the source is.
    if (source.cut_at != std::string::npos && asked.size() > 1 && source.cuts-- > 0) {
      reader->FailAt(source.cut_at);
    }
    out.body = std::move(reader);
    co_return out;
  }

  std::map<std::string, Source> sources;
  std::vector<std::string> asked;
  std::vector<std::string> ranges;
  std::chrono::milliseconds delay{0};  // before each answer
  http::Headers last_headers;
};

class CapturingObserver final : public RequestObserver {
 public:
  void Observe(const RequestLog& log) override { logs.push_back(log); }
  std::vector<RequestLog> logs;
};

struct Reply {
  unsigned status = 0;
  http::Headers headers;
  std::string body;
  std::uint64_t content_length = 0;
  std::string Header(std::string_view name) const { return std::string(headers.Get(name)); }
  std::string ErrorCode() const { return Header("x-ms-error-code"); }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// How a request is authenticated.
enum class As { kSharedKey, kSharedKeyLite, kNobody };

class ServiceFixture {
 public:
  struct Options {
    bool hierarchical = false;
    BlobServiceOptions service{.copy_sources = {.is_own =
                                                    [](const IpBytes& address, std::uint16_t port) {
                                                      return address == *ParseIp("127.0.0.1") &&
                                                             port == 10000;
                                                    }},
                               .copy_jobs = {}};
  };
  ServiceFixture() : ServiceFixture(Options()) {}
  explicit ServiceFixture(Options options)
      : engine_({.hierarchical = options.hierarchical}),
        accounts_(MakeAccounts(options.hierarchical)),
        service_(options.service, engine_.services(), accounts_, fetcher_, &observer_) {}

  static AccountsPtr MakeAccounts(bool hierarchical, bool allow_public_access = true) {
    auto made = Accounts::Make(
        {{"devstoreaccount1", {std::string(kTestKey)}, hierarchical, allow_public_access},
         {"other", {"b3RoZXIta2V5"}, false, allow_public_access}});
    EXPECT_TRUE(made.has_value());
    return *made;
  }

  static azure::SigningKey Key() { return *azure::SigningKey::FromBase64(kTestKey); }
  static azure::AccountName Account() { return azure::AccountName("devstoreaccount1"); }

  // `target` is below the account: "/box/a%20b?comp=list". A target with `//` in front is taken as
  // it is, without that mark.
  Reply Send(std::string_view method, std::string target, HeaderList headers = {},
             std::string body = {}, As as = As::kSharedKey) {
    engine_.clock().Advance(std::chrono::seconds(1));
    http::Request request = MakeRequest(method, std::move(target), std::move(headers));
    const bool chunked = request.headers.Has("transfer-encoding");
    const bool sends_body = method == "PUT" || method == "POST";
    if (sends_body && !chunked && !request.headers.Has("content-length") && !omit_length) {
      request.headers.Add("Content-Length", std::to_string(body.size()));
    }
    if (as != As::kNobody) Sign(request, as);
    engine::TextReader reader(std::move(body));
    request.body = &reader;
    auto reply = RunSync(Exchange(service_, request, slow_reader));
    EXPECT_TRUE(reply.has_value());
    return reply ? std::move(*reply) : Reply{};
  }
  Reply Get(std::string target, HeaderList headers = {}) {
    return Send("GET", std::move(target), std::move(headers));
  }
  Reply Put(std::string target, HeaderList headers = {}, std::string body = {}) {
    return Send("PUT", std::move(target), std::move(headers), std::move(body));
  }
  void MakeContainer(const std::string& name = "box", HeaderList headers = {}) {
    EXPECT_EQ(Put("/" + name + "?restype=container", std::move(headers)).status, 201u);
  }
  Reply PutBlob(const std::string& path, std::string body, HeaderList headers = {}) {
    headers.emplace_back("x-ms-blob-type", "BlockBlob");
    return Put(path, std::move(headers), std::move(body));
  }

  // A SAS query for `scope`, valid for an hour around now.
  std::string Sas(azure::SasToken token, const azure::SasScope& scope) {
    if (token.version_text.empty()) token.version_text = "2023-11-03";
    token.version = *azure::ServiceVersion::Parse(token.version_text);
    if (token.expiry.empty() && token.identifier.empty()) {
      token.expiry = azure::FormatIsoSeconds(engine_.clock().Now() + std::chrono::hours(1));
    }
    return azure::SignSas(std::move(token), scope, Key()).ToQuery();
  }
  std::string ContainerSas(std::string permissions, const std::string& container = "box") {
    azure::SasToken token;
    token.permissions = std::move(permissions);
    token.resource = "c";
    return Sas(std::move(token), {Account(), azure::ContainerName(container), {}, {}, {}});
  }
  std::string AccountSas(std::string permissions, std::string types = "sco") {
    azure::SasToken token;
    token.kind = azure::SasKind::kAccount;
    token.permissions = std::move(permissions);
    token.services = "b";
    token.resource_types = std::move(types);
    return Sas(std::move(token), {Account(), {}, {}, {}, {}});
  }

  engine::EngineFixture& engine() { return engine_; }
  BlobService& service() { return service_; }
  FakeFetcher& fetcher() { return fetcher_; }
  AccountRegistry& accounts() { return accounts_; }
  std::vector<RequestLog>& logs() { return observer_.logs; }

  // What the next requests look like.
  bool omit_length = false;
  std::chrono::milliseconds slow_reader{0};  // before it reads the answer's body
  bool tls = false;
  std::string client_ip = "127.0.0.1";
  std::string host{kTestHost};
  std::string version = "2025-07-05";

 private:
  http::Request MakeRequest(std::string_view method, std::string target, HeaderList headers) {
    http::Request request;
    request.method_text = std::string(method);
    request.method = http::Method::kOther;
    for (auto known : {http::Method::kGet, http::Method::kHead, http::Method::kPut,
                       http::Method::kPost, http::Method::kDelete, http::Method::kOptions}) {
      if (http::MethodName(known) == method) request.method = known;
    }
    const bool whole = target.starts_with("//");
    request.target = whole ? target.substr(1) : "/devstoreaccount1" + target;
    const std::size_t mark = request.target.find('?');
    request.path = request.target.substr(0, mark);
    if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
    request.headers.Add("Host", host);
    if (!version.empty()) request.headers.Add("x-ms-version", version);
    for (auto& [name, value] : headers) request.headers.Add(name, value);
    request.client_ip = client_ip;
    request.local_port = 10000;
    request.tls = tls;
    return request;
  }

  void Sign(http::Request& request, As as) {
    if (!request.headers.Has("x-ms-date")) {
      request.headers.Add("x-ms-date", azure::FormatHttpDate(engine_.clock().Now()));
    }
    const auto query = azure::Query::Parse(request.query);
    if (!query) return;  // tests of broken targets
    const std::vector<azure::HeaderField> fields(request.headers.begin(), request.headers.end());
    const azure::SigningInput input{request.method_text, request.path, &*query, fields, Account()};
    if (as == As::kSharedKey) {
      request.headers.Add("Authorization", azure::SignRequest(input, Key()));
      return;
    }
    const auto texts = azure::StringsToSign(azure::SharedKeyScheme::kSharedKeyLite, input);
    request.headers.Add("Authorization",
                        "SharedKeyLite devstoreaccount1:" + Key().Sign(texts.front()));
  }

  static Task<Reply> Exchange(BlobService& service, http::Request& request,
                              std::chrono::milliseconds slow_reader) {
    OpContext context;
    context.request_id = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
    FB_CO_ASSIGN_OR_RETURN(http::Response response, co_await service.Handle(context, request));
    Reply reply;
    reply.status = response.status;
    reply.content_length = response.content_length.value_or(response.text.size());
    reply.body = std::move(response.text);
    if (response.source != nullptr) {
      std::this_thread::sleep_for(slow_reader);
      FB_CO_ASSIGN_OR_RETURN(reply.body, co_await engine::ReadAllOf(std::move(response.source)));
    }
    reply.headers = std::move(response.headers);
    co_return reply;
  }

  engine::EngineFixture engine_;
  FakeFetcher fetcher_;
  CapturingObserver observer_;
  AccountRegistry accounts_;
  BlobService service_;
};

}  // namespace forebay::rest
