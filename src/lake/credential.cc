#include "lake/credential.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "azure/sas.h"
#include "azure/shared_key.h"
#include "base/http_date.h"
#include "lake/secret_file.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

// Signatures with a time are refused beyond 15 minutes, by the lake's clock.
constexpr std::chrono::seconds kMaxSkew = 14min;

class SharedKey final : public Credential {
 public:
  SharedKey(const LakeEndpoint& endpoint, azure::SigningKey key, Clock& clock)
      : account_(endpoint.account),
        container_(endpoint.container),
        key_(std::move(key)),
        clock_(clock) {}
  std::string description() const override { return "shared key"; }

  Task<> Authorize(OpContext, LakeRequest& request) override {
    std::vector<azure::HeaderField> headers(request.headers.begin(), request.headers.end());
    azure::SigningInput input;
    input.method = request.method;
    input.raw_path = request.path;
    input.query = &request.query;
    input.headers = headers;
    input.account = account_;
    request.headers.emplace_back("Authorization", azure::SignRequest(input, key_));
    co_return Result<>();
  }
  bool Refresh() override { return false; }

  std::optional<Error> WhyRefused(Code said, WallTime here, WallTime there) override {
    if (said != Code::kAuthenticationFailed) return std::nullopt;
    const std::int64_t ahead = there.seconds() - here.seconds();
    if (std::abs(ahead) <= kMaxSkew.count()) {
      return Error(said, "The account's key is another one: this one is wrong, or was replaced.");
    }
    return Error(Code::kClockSkew, "The lake's clock is " +
                                       std::to_string((std::abs(ahead) + 30) / 60) + " minutes " +
                                       (ahead > 0 ? "ahead of" : "behind") +
                                       " ours; signatures fail beyond 15.");
  }

  // The key of the same account does not open a source URL; a short-lived SAS made with it does.
  Task<SourceAccess> AuthorizeSource(OpContext, std::string blob_name) override {
    azure::SasToken token;
    token.kind = azure::SasKind::kService;
    token.permissions = "r";
    token.resource = "b";
    token.expiry = FormatIso8601(clock_.Now() + 24h, 0);
    const azure::BlobName blob(std::move(blob_name));
    azure::SasScope scope;
    scope.account = account_;
    scope.container = container_;
    scope.blob = blob;
    SourceAccess out;
    out.query = azure::SignSas(std::move(token), scope, key_).ToQuery();
    co_return out;
  }

 private:
  const azure::AccountName account_;
  const azure::ContainerName container_;
  const azure::SigningKey key_;
  Clock& clock_;
};

Result<azure::Query> ParseSasText(std::string_view text) {
  if (text.starts_with('?')) text.remove_prefix(1);
  auto query = azure::Query::Parse(text);
  if (!query || !query->Has("sig")) {
    return Fail(Code::kInvalidConfig, "The lake's SAS is not one: it has no signature.");
  }
  return query;
}

class Sas final : public Credential {
 public:
  // No file: the token never changes.
  Sas(azure::Query query, std::optional<SecretFile> file)
      : file_(std::move(file)), query_(std::move(query)) {}
  std::string description() const override { return "SAS"; }

  Task<> Authorize(OpContext, LakeRequest& request) override {
    for (auto& [name, value] : Current()) request.query.Add(name, value);
    co_return Result<>();
  }
  bool Refresh() override {
    if (!file_) return false;
    const std::lock_guard lock(mutex_);
    return file_->LookAfterRefusal([this](const std::string& text) { return Take(text); });
  }
  std::optional<Error> WhyRefused(Code said, WallTime, WallTime there) override {
    const azure::Query query = Current();
    const auto from = ParseIso8601(query.Get("st")), until = ParseIso8601(query.Get("se"));
    if (until && there >= *until) {
      return Error(Code::kAuthenticationFailed,
                   "The SAS has expired: it was good until " + FormatIso8601(*until, 0) + ".");
    }
    if (from && there < *from) {
      return Error(Code::kAuthenticationFailed,
                   "The SAS is not good yet, by the lake's clock: it begins at " +
                       FormatIso8601(*from, 0) + ".");
    }
    if (said != Code::kAuthenticationFailed) return std::nullopt;
    return Error(said, "The SAS is wrong, was revoked, or its key was replaced.");
  }
  Task<SourceAccess> AuthorizeSource(OpContext, std::string) override {
    SourceAccess out;
    out.query = Current().ToString();
    co_return out;
  }

 private:
  azure::Query Current() {
    const std::lock_guard lock(mutex_);
    if (file_) file_->Look([this](const std::string& text) { return Take(text); });
    return query_;
  }
  // With mutex_ held. Where it is none the old one stays.
  bool Take(const std::string& text) {
    auto query = ParseSasText(text);
    if (!query) return false;
    query_ = std::move(*query);
    return true;
  }

  std::mutex mutex_;
  std::optional<SecretFile> file_;
  azure::Query query_;
};

class Bearer final : public Credential {
 public:
  explicit Bearer(std::unique_ptr<TokenSource> tokens) : tokens_(std::move(tokens)) {}
  std::string description() const override { return tokens_->description(); }
  Task<> Authorize(OpContext context, LakeRequest& request) override {
    FB_CO_ASSIGN_OR_RETURN(const std::string token, co_await tokens_->Token(std::move(context)));
    request.headers.emplace_back("Authorization", "Bearer " + token);
    co_return Result<>();
  }
  bool Refresh() override { return tokens_->Discard(); }
  Task<SourceAccess> AuthorizeSource(OpContext context, std::string) override {
    FB_CO_ASSIGN_OR_RETURN(const std::string token, co_await tokens_->Token(std::move(context)));
    SourceAccess out;
    out.authorization = "Bearer " + token;
    co_return out;
  }

 private:
  const std::unique_ptr<TokenSource> tokens_;
};

class Anonymous final : public Credential {
 public:
  std::string description() const override { return "none"; }
  Task<> Authorize(OpContext, LakeRequest&) override { co_return Result<>(); }
  bool Refresh() override { return false; }
  Task<SourceAccess> AuthorizeSource(OpContext, std::string) override { co_return SourceAccess(); }
};

}  // namespace

Result<std::unique_ptr<Credential>> MakeSharedKey(const LakeEndpoint& endpoint,
                                                  std::string_view base64_key, Clock& clock) {
  FB_ASSIGN_OR_RETURN(azure::SigningKey key, azure::SigningKey::FromBase64(base64_key));
  return std::make_unique<SharedKey>(endpoint, std::move(key), clock);
}

Result<std::unique_ptr<Credential>> MakeSas(std::string_view sas) {
  FB_ASSIGN_OR_RETURN(azure::Query query, ParseSasText(sas));
  return std::make_unique<Sas>(std::move(query), std::nullopt);
}

Result<std::unique_ptr<Credential>> MakeSasFile(std::string path) {
  FB_ASSIGN_OR_RETURN(const std::string text, ReadSecret(path));
  FB_ASSIGN_OR_RETURN(azure::Query query, ParseSasText(text));
  return std::make_unique<Sas>(std::move(query), SecretFile(std::move(path), text));
}

std::unique_ptr<Credential> MakeBearer(std::unique_ptr<TokenSource> tokens) {
  return std::make_unique<Bearer>(std::move(tokens));
}

std::unique_ptr<Credential> MakeAnonymous() { return std::make_unique<Anonymous>(); }

Result<std::unique_ptr<Credential>> MakeCredential(const LakeEndpoint& endpoint,
                                                   std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  const bool file = rest.starts_with('@');
  if (kind == "key" && !rest.empty()) {
    if (!file) return MakeSharedKey(endpoint, rest);
    FB_ASSIGN_OR_RETURN(const std::string key, ReadSecret(std::string(rest.substr(1))));
    return MakeSharedKey(endpoint, key);
  }
  if (kind == "sas" && !rest.empty()) {
    return file ? MakeSasFile(std::string(rest.substr(1))) : MakeSas(rest);
  }
  if (kind == "token" && !rest.empty()) {
    FB_ASSIGN_OR_RETURN(auto tokens,
                        file ? MakeTokenFile(std::string(rest.substr(1))) : MakeGivenToken(rest));
    return MakeBearer(std::move(tokens));
  }
  if (kind == "managed-identity") {
    ManagedIdentityOptions options;
    options.client_id = rest;
    // Where a machine's identity endpoint is not the usual one (and in tests).
    if (const char* host = std::getenv("AZURE_POD_IDENTITY_AUTHORITY_HOST")) {
      options.endpoint = std::string(host) + "/metadata/identity/oauth2/token";
    }
    return MakeBearer(MakeManagedIdentity(std::move(options)));
  }
  if (kind == "workload-identity" && rest.empty()) {
    FB_ASSIGN_OR_RETURN(WorkloadIdentityOptions options, WorkloadIdentityFromEnvironment());
    return MakeBearer(MakeWorkloadIdentity(std::move(options)));
  }
  if (kind == "anonymous" && rest.empty()) return MakeAnonymous();
  return Fail(Code::kInvalidConfig,
              "A credential is key:…, sas:… or token:… (or :@FILE), managed-identity, "
              "workload-identity or anonymous.");
}

}  // namespace forebay::lake
