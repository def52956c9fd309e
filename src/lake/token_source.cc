#include "lake/token_source.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "async/semaphore.h"
#include "azure/wire.h"
#include "base/encoding.h"
#include "lake/secret_file.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

// Azure's tokens hold for an hour or a day; one is replaced while it is still good for a while, so
// that a request that waits in a queue does not meet its end.
constexpr auto kRenewBefore = 5min;
// Between tokens that are fetched because the one in use was refused.
constexpr auto kBetweenRefusals = 60s;
constexpr std::size_t kMaxAnswer = 64_KiB;

// Numbers come as numbers or as text, depending on the endpoint.
std::optional<std::int64_t> NumberOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  if (!found->is_string()) return std::nullopt;
  const auto number = azure::ParseUint(found->get<std::string>());
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Keeps a token; what asks for one is left to the derived classes.
class CachingSource : public TokenSource {
 public:
  explicit CachingSource(Clock& clock) : clock_(clock), turn_(1) {}

  Task<std::string> Token(OpContext context) final {
    if (auto token = Held()) co_return std::move(*token);
    const std::uint64_t failures = Failures();
    // One asks, the others wait for what it brings, an error too.
    FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
    if (auto token = Held()) co_return std::move(*token);
    if (auto error = FailedSince(failures)) co_return Fail(std::move(*error));
    auto token = co_await Bring(context);
    const std::lock_guard lock(mutex_);
    if (!token) {
      // Not where it is this caller that has no time left.
      if (context.Check()) {
        ++failures_;
        error_ = token.error();
      }
      co_return Fail(std::move(token.error()));
    }
    token_ = std::move(*token);
    co_return token_->text;
  }

  bool Discard() final {
    const std::lock_guard lock(mutex_);
    if (!token_) return true;  // somebody else has, and the new one is on its way
    const SteadyTime now = clock_.SteadyNow();
    if (replaced_ && now < *replaced_ + kBetweenRefusals) return true;
    replaced_ = now;
    token_.reset();
    return true;
  }

 protected:
  virtual Task<std::string> Ask(OpContext context) = 0;

  Task<std::string> Fetch(http::Client& client, OpContext context, http::ClientRequest request) {
    FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                           co_await client.Send(std::move(context), std::move(request)));
    FB_CO_ASSIGN_OR_RETURN(std::string body, co_await http::ReadAll(*response.body, kMaxAnswer));
    if (response.status == 200) co_return body;
    const auto json = nlohmann::json::parse(body, nullptr, false);
    std::string why;
    if (json.is_object()) {
      why = TextOf(json, "error_description");
      if (why.empty()) why = TextOf(json, "error");
      why = why.substr(0, why.find_first_of("\r\n"));
    }
    const Code code = response.status >= 500 || response.status == 429
                          ? Code::kNetwork
                          : Code::kAuthenticationFailed;
    co_return Fail(code, "No token from the " + description() + " endpoint (status " +
                             std::to_string(response.status) + ")" +
                             (why.empty() ? "." : ": " + why));
  }

 private:
  Task<BearerToken> Bring(OpContext context) {
    FB_CO_ASSIGN_OR_RETURN(const std::string answer, co_await Ask(std::move(context)));
    co_return Parse(answer);
  }

  std::optional<std::string> Held() {
    const std::lock_guard lock(mutex_);
    if (!token_ || clock_.Now() + kRenewBefore >= token_->expires) return std::nullopt;
    return token_->text;
  }

  std::uint64_t Failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  std::optional<Error> FailedSince(std::uint64_t failures) {
    const std::lock_guard lock(mutex_);
    return failures_ == failures ? std::nullopt : error_;
  }

  Result<BearerToken> Parse(const std::string& answer) {
    const auto json = nlohmann::json::parse(answer, nullptr, false);
    BearerToken out;
    if (json.is_object()) out.text = TextOf(json, "access_token");
    if (out.text.empty()) {
      return Fail(Code::kAuthenticationFailed,
                  "The " + description() + " endpoint answered without a token.");
    }
    if (const auto in = NumberOf(json, "expires_in")) {
      out.expires = clock_.Now() + std::chrono::seconds(*in);
    } else if (const auto on = NumberOf(json, "expires_on")) {
      out.expires = WallTime::FromSeconds(*on);
    }
    return out;
  }

  Clock& clock_;
  Semaphore turn_;
  std::mutex mutex_;
  std::optional<BearerToken> token_;
  std::optional<SteadyTime> replaced_;  // a token that was refused
  std::uint64_t failures_ = 0;          // of asking
  std::optional<Error> error_;          // the last of them
};

class ManagedIdentity final : public CachingSource {
 public:
  explicit ManagedIdentity(ManagedIdentityOptions options)
      : CachingSource(*options.clock), options_(std::move(options)), client_(ClientOptions()) {}
  std::string description() const override { return "managed identity"; }

 private:
  static http::ClientOptions ClientOptions() {
    http::ClientOptions out;
    out.connect_timeout = 5s;
    out.stall_timeout = 30s;
    return out;
  }
  Task<std::string> Ask(OpContext context) override {
    http::ClientRequest request;
    request.url =
        options_.endpoint + "?api-version=2018-02-01&resource=" + PercentEncode(options_.resource);
    if (!options_.client_id.empty()) {
      request.url += "&client_id=" + PercentEncode(options_.client_id);
    }
    request.headers.Add("Metadata", "true");
    return Fetch(client_, std::move(context), std::move(request));
  }

  const ManagedIdentityOptions options_;
  http::Client client_;
};

class WorkloadIdentity final : public CachingSource {
 public:
  explicit WorkloadIdentity(WorkloadIdentityOptions options)
      : CachingSource(*options.clock), options_(std::move(options)), client_([this] {
          http::ClientOptions out;
          out.ca_file = options_.ca_file;
          return out;
        }()) {}
  std::string description() const override { return "workload identity"; }

 private:
  Task<std::string> Ask(OpContext context) override {
    std::ifstream file(options_.token_file);
    std::stringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {
      co_return Fail(Code::kAuthenticationFailed,
                     "The federated token cannot be read from " + options_.token_file + ".");
    }
    const std::string body =
        "grant_type=client_credentials&client_id=" + PercentEncode(options_.client_id) +
        "&scope=" + PercentEncode(options_.scope) +
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer" +
        "&client_assertion=" + PercentEncode(azure::TrimSpace(TrimLine(text.str())));
    http::ClientRequest request;
    request.method = http::Method::kPost;
    request.url = options_.authority_host + (options_.authority_host.ends_with('/') ? "" : "/") +
                  options_.tenant_id + "/oauth2/v2.0/token";
    request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
    request.body = AsBytes(body);
    co_return co_await Fetch(client_, std::move(context), std::move(request));
  }
  static std::string TrimLine(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }

  const WorkloadIdentityOptions options_;
  http::Client client_;
};

// A header's value, which nothing in a file may end.
Result<> CheckToken(std::string_view token) {
  const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!token.empty() && std::ranges::all_of(token, visible)) return {};
  return Fail(Code::kInvalidConfig, "A bearer token is one word of visible ASCII.");
}

// As somebody else got it.
class GivenToken final : public TokenSource {
 public:
  // No file: it never changes.
  GivenToken(std::string token, std::optional<SecretFile> file)
      : file_(std::move(file)), token_(std::move(token)) {}
  std::string description() const override { return "token"; }

  Task<std::string> Token(OpContext) override {
    const std::lock_guard lock(mutex_);
    if (file_) file_->Look([this](const std::string& text) { return Take(text); });
    co_return token_;
  }
  bool Discard() override {
    if (!file_) return false;
    const std::lock_guard lock(mutex_);
    return file_->LookAfterRefusal([this](const std::string& text) { return Take(text); });
  }

 private:
  // With mutex_ held. Where it is none the old one stays.
  bool Take(const std::string& text) {
    if (!CheckToken(text)) return false;
    token_ = text;
    return true;
  }

  std::mutex mutex_;
  std::optional<SecretFile> file_;
  std::string token_;
};

}  // namespace

Result<std::unique_ptr<TokenSource>> MakeGivenToken(std::string_view token) {
  FB_RETURN_IF_ERROR(CheckToken(token));
  return std::make_unique<GivenToken>(std::string(token), std::nullopt);
}

Result<std::unique_ptr<TokenSource>> MakeTokenFile(std::string path) {
  FB_ASSIGN_OR_RETURN(std::string token, ReadSecret(path));
  FB_RETURN_IF_ERROR(CheckToken(token));
  SecretFile file(std::move(path), token);
  return std::make_unique<GivenToken>(std::move(token), std::move(file));
}

std::unique_ptr<TokenSource> MakeManagedIdentity(ManagedIdentityOptions options) {
  return std::make_unique<ManagedIdentity>(std::move(options));
}

Result<WorkloadIdentityOptions> WorkloadIdentityFromEnvironment() {
  WorkloadIdentityOptions out;
  const auto read = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  out.client_id = read("AZURE_CLIENT_ID");
  out.tenant_id = read("AZURE_TENANT_ID");
  out.token_file = read("AZURE_FEDERATED_TOKEN_FILE");
  if (const std::string host = read("AZURE_AUTHORITY_HOST"); !host.empty()) {
    out.authority_host = host;
  }
  const auto missing = [](const char* name) {
    return Fail(Code::kInvalidConfig,
                std::string("Workload identity needs the variable ") + name + ".");
  };
  if (out.client_id.empty()) return missing("AZURE_CLIENT_ID");
  if (out.tenant_id.empty()) return missing("AZURE_TENANT_ID");
  if (out.token_file.empty()) return missing("AZURE_FEDERATED_TOKEN_FILE");
  return out;
}

std::unique_ptr<TokenSource> MakeWorkloadIdentity(WorkloadIdentityOptions options) {
  return std::make_unique<WorkloadIdentity>(std::move(options));
}

}  // namespace forebay::lake
