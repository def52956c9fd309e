#include "vfs/connect.h"

#include <cstdlib>

#include "azure/wire.h"
#include "vfs/adls_remote.h"
#include "vfs/flat_remote.h"
#include "vfs/posix_remote.h"

namespace forebay::vfs {
namespace {

constexpr std::string_view kWellKnownKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool IsDevelopment(const lake::LakeEndpoint& endpoint) {
  const bool loopback = endpoint.origin.starts_with("http://127.0.0.1") ||
                        endpoint.origin.starts_with("http://localhost") ||
                        endpoint.origin.starts_with("http://[::1]");
  return loopback &&
         (endpoint.account == "devstoreaccount1" || endpoint.account == "devlakeaccount1");
}

// Nobody to ask further. Everything else only says that the question was not understood: a server
// without the extensions may take the container for a blob of the root container, which is missing
// or forbidden.
bool IsFinal(const Error& error) {
  return error.code() == Code::kDeadlineExceeded || error.code() == Code::kCancelled ||
         error.code() == Code::kNetwork;
}

std::string Describe(const char* kind, const RestAnswer& answer,
                     const lake::LakeEndpoint& endpoint) {
  std::string out = kind;
  const std::string_view server = answer.Get("Server");
  if (!server.empty()) out += " (" + std::string(server.substr(0, 80)) + ")";
  return out + " at " + endpoint.Description();
}

// Null: the server does not have them.
Task<std::unique_ptr<Remote>> TryExtensions(OpContext context, std::shared_ptr<RestSender> sender,
                                            const ConnectOptions& options) {
  RestCall info;
  info.path = sender->endpoint().ContainerPath();
  info.dfs = true;
  info.query.Add("posix", "info");
  auto said = co_await sender->Send(context, std::move(info));
  if (said && said->headers.Has("x-ms-posix")) {
    co_return co_await PosixRemote::Open(
        context, sender,
        {.description = Describe("Forebay", *said, sender->endpoint()),
         .info = std::string(said->Get("x-ms-posix")),
         .ttl = options.session_ttl,
         .owner = options.owner,
         .read_only = options.read_only});
  }
  if (!said && IsFinal(said.error())) co_return Fail(std::move(said.error()));
  co_return std::unique_ptr<Remote>();
}

}  // namespace

Result<std::unique_ptr<lake::Credential>> CredentialFor(const lake::LakeEndpoint& endpoint,
                                                        const std::string& text) {
  if (!text.empty()) return lake::MakeCredential(endpoint, text);
  const std::string ours = Environment("FOREBAY_CREDENTIAL");
  if (!ours.empty()) return lake::MakeCredential(endpoint, ours);
  const std::string key = Environment("AZURE_STORAGE_KEY");
  if (!key.empty()) return lake::MakeSharedKey(endpoint, key);
  const std::string sas = Environment("AZURE_STORAGE_SAS_TOKEN");
  if (!sas.empty()) return lake::MakeSas(sas);
  if (IsDevelopment(endpoint)) return lake::MakeSharedKey(endpoint, kWellKnownKey);
  return Fail(Code::kInvalidConfig,
              "No credential: give one as an option, or in FOREBAY_CREDENTIAL, AZURE_STORAGE_KEY "
              "or AZURE_STORAGE_SAS_TOKEN.");
}

Task<std::unique_ptr<Remote>> Connect(OpContext context, ConnectOptions options) {
  lake::EndpointHints hints;
  if (!options.account.empty()) hints.account = options.account;
  RestSenderOptions sending;
  FB_CO_ASSIGN_OR_RETURN(sending.endpoint, lake::ParseLakeEndpoint(options.url, hints));
  FB_CO_ASSIGN_OR_RETURN(sending.credential, CredentialFor(sending.endpoint, options.credential));
  sending.connections = options.connections;
  sending.connect_timeout = options.connect_timeout;
  sending.stall_timeout = options.stall_timeout;
  sending.reach_timeout = options.reach_timeout;
  sending.ca_file = options.ca_file;
  const auto sender = std::make_shared<RestSender>(std::move(sending));
  const lake::LakeEndpoint& endpoint = sender->endpoint();

  if (options.extensions) {
    FB_CO_ASSIGN_OR_RETURN(std::unique_ptr<Remote> remote,
                           co_await TryExtensions(context, sender, options));
    if (remote != nullptr) co_return remote;
  }

  RestCall filesystem;
  filesystem.method = http::Method::kHead;
  filesystem.path = endpoint.ContainerPath();
  filesystem.dfs = true;
  filesystem.query.Add("resource", "filesystem");
  auto hierarchy = co_await sender->Send(context, std::move(filesystem));
  if (hierarchy && azure::ParseBool(hierarchy->Get("x-ms-namespace-enabled")).value_or(false)) {
    co_return std::make_unique<AdlsRemote>(
        sender, Describe("a hierarchical account", *hierarchy, endpoint));
  }
  if (!hierarchy && IsFinal(hierarchy.error())) co_return Fail(std::move(hierarchy.error()));

  RestCall container;
  container.method = http::Method::kHead;
  container.path = endpoint.ContainerPath();
  container.query.Add("restype", "container");
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer flat,
                         co_await sender->Send(context, std::move(container)));
  co_return std::make_unique<FlatRemote>(sender, Describe("a flat account", flat, endpoint));
}

}  // namespace forebay::vfs
