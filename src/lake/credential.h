// What proves to a lake who we are: an account key, a SAS, or a bearer token.
//
// Thread safe. Nothing here, and no error of it, ever shows a secret.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/context.h"
#include "async/task.h"
#include "azure/target.h"
#include "azure/wire.h"
#include "base/clock.h"
#include "lake/endpoint.h"
#include "lake/token_source.h"

namespace forebay::lake {

// A request before it is authorized. Content-Length is among the headers where there is a body.
struct LakeRequest {
  std::string_view method;
  std::string path;  // encoded
  azure::Query query;
  azure::OwnedHeaders headers;
};

class Credential {
 public:
  virtual ~Credential() = default;
  // "shared key", "SAS", "managed identity": for `lake status`.
  virtual std::string description() const = 0;
  // Adds what is needed. Headers that a signature covers must be complete.
  virtual Task<> Authorize(OpContext context, LakeRequest& request) = 0;
  // The lake said 401 or 403: true when there is something newer to try (a SAS that was rotated, a
  // token that was revoked).
  virtual bool Refresh() = 0;
  // Why the lake may have refused it with `said`, as far as it shows from here: its time `here` and
  // the lake's `there`. One sentence; kClockSkew where the clocks are the reason, else
  // kAuthenticationFailed. nullopt: nothing shows.
  virtual std::optional<Error> WhyRefused(Code said, WallTime here, WallTime there) {
    (void)said, (void)here, (void)there;
    return std::nullopt;
  }
  // What lets the lake read a blob of its own as the source of a synchronous copy: a query for its
  // URL, or the value of x-ms-copy-source-authorization.
  struct SourceAccess {
    std::string query;
    std::string authorization;
  };
  virtual Task<SourceAccess> AuthorizeSource(OpContext context, std::string blob_name) = 0;
};

// `key` as Azure hands it out. kInvalidConfig.
Result<std::unique_ptr<Credential>> MakeSharedKey(const LakeEndpoint& endpoint,
                                                  std::string_view base64_key,
                                                  Clock& clock = Clock::System());
// "?sv=…&sig=…", with or without the question mark. kInvalidConfig.
Result<std::unique_ptr<Credential>> MakeSas(std::string_view sas);
// The same from a file, which is read again when it changes: looked at once a second, and after
// every refusal. kInvalidConfig, naming the file.
Result<std::unique_ptr<Credential>> MakeSasFile(std::string path);
std::unique_ptr<Credential> MakeBearer(std::unique_ptr<TokenSource> tokens);
// Public containers.
std::unique_ptr<Credential> MakeAnonymous();

// What a user writes: "key:BASE64", "key:@FILE", "sas:TOKEN", "sas:@FILE", "token:TEXT" and
// "token:@FILE" (a bearer token that somebody else renews), "managed-identity",
// "managed-identity:CLIENT_ID", "workload-identity" (AZURE_CLIENT_ID, AZURE_TENANT_ID,
// AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST), "anonymous". kInvalidConfig without
// repeating the text.
Result<std::unique_ptr<Credential>> MakeCredential(const LakeEndpoint& endpoint,
                                                   std::string_view text);

}  // namespace forebay::lake
