// Bearer tokens for Azure Storage: from a virtual machine's managed identity, by workload identity
// (a federated token that Kubernetes keeps fresh in a file), or as somebody else got them and keeps
// them in a file. Real endpoints by default; tests point them to a local one.
//
// Thread safe. Tokens are kept until shortly before they expire; many callers that need a new one
// cause one request, whatever comes of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/context.h"
#include "async/task.h"
#include "base/clock.h"
#include "http/client.h"

namespace forebay::lake {

struct BearerToken {
  std::string text;
  WallTime expires;
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::string description() const = 0;
  // A token that holds for some minutes yet. kAuthenticationFailed (the endpoint refused, and
  // why), kNetwork.
  virtual Task<std::string> Token(OpContext context) = 0;
  // A token was refused. True where another try may fare better: the next call fetches a new one,
  // or a new one is in use already, and what was refused was sent with the one before. Whatever a
  // lake refuses, it has a new one fetched once a minute at most.
  virtual bool Discard() = 0;
};

struct ManagedIdentityOptions {
  std::string endpoint = "http://169.254.169.254/metadata/identity/oauth2/token";
  std::string client_id{};  // empty: the machine's own identity
  std::string resource = "https://storage.azure.com/";
  Clock* clock = &Clock::System();
};
std::unique_ptr<TokenSource> MakeManagedIdentity(ManagedIdentityOptions options);

struct WorkloadIdentityOptions {
  std::string authority_host = "https://login.microsoftonline.com/";
  std::string tenant_id{};
  std::string client_id{};
  std::string token_file{};  // read anew for every exchange
  std::string scope = "https://storage.azure.com/.default";
  std::string ca_file{};  // extra trusted certificates
  Clock* clock = &Clock::System();
};
// From AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST.
// kInvalidConfig, naming the variable that is missing.
Result<WorkloadIdentityOptions> WorkloadIdentityFromEnvironment();
std::unique_ptr<TokenSource> MakeWorkloadIdentity(WorkloadIdentityOptions options);

// One that never changes. kInvalidConfig where it is none.
Result<std::unique_ptr<TokenSource>> MakeGivenToken(std::string_view token);
// The file is read again when it changes: looked at once a second, and after every refusal.
// kInvalidConfig, naming the file.
Result<std::unique_ptr<TokenSource>> MakeTokenFile(std::string path);

}  // namespace forebay::lake
