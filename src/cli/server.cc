#include "cli/server.h"

#include <algorithm>
#include <utility>

#include "admin/control_files.h"
#include "admin/event_api.h"
#include "admin/lake_api.h"
#include "admin/lifecycle_api.h"
#include "admin/placement_api.h"
#include "admin/store_metrics.h"
#include "base/encoding.h"
#include "base/ip_address.h"
#include "base/log.h"
#include "cli/operations.h"
#include "cli/placement_options.h"
#include "cli/version.h"
#include "config/reload.h"
#include "engine/account_layout.h"
#include "tier/overflow_metrics.h"
#include "tier/placement_metrics.h"

namespace forebay::cli {
namespace {

// A backup takes one for hours; metrics are gathered on another.
constexpr std::size_t kAdminThreads = 4;

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

// The configuration has checked the form: HOST:PORT or [IPV6]:PORT.
HostPort Split(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostPort out;
  out.host = address.substr(0, colon);
  if (out.host.starts_with('[')) out.host = out.host.substr(1, out.host.size() - 2);
  if (out.host == "localhost") out.host = "127.0.0.1";
  out.port = static_cast<std::uint16_t>(std::stoul(address.substr(colon + 1)));
  return out;
}

std::string Join(const std::string& host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<rest::AccountsPtr> MakeAccounts(const config::Config& config) {
  std::vector<rest::AccountConfig> accounts;
  for (const config::Account& account : config.accounts) {
    rest::AccountConfig entry;
    entry.name = account.name;
    entry.keys.push_back(Base64Encode(AsBytes(account.key1)));
    if (!account.key2.empty()) entry.keys.push_back(Base64Encode(AsBytes(account.key2)));
    entry.hierarchical = account.hierarchical;
    entry.allow_public_access = account.allow_public_access;
    entry.default_access_tier = account.default_access_tier;
    accounts.push_back(std::move(entry));
  }
  return rest::Accounts::Make(accounts);
}

Result<> CheckLayouts(const kv::Store& store, const config::Config& config) {
  for (const config::Account& account : config.accounts) {
    FB_RETURN_IF_ERROR(engine::CheckAccountLayout(
        store, {azure::AccountName(account.name), account.hierarchical}));
  }
  return {};
}

http::ServerOptions HttpOptions(const config::Config& config) {
  http::ServerOptions options;
  auto seconds = [](std::chrono::nanoseconds t) {
    return std::max(std::chrono::seconds(1), std::chrono::duration_cast<std::chrono::seconds>(t));
  };
  options.threads = static_cast<unsigned>(config.io_threads);
  options.max_connections = config.max_connections;
  options.max_header_bytes = config.max_header_size;
  options.header_timeout = seconds(config.header_timeout);
  options.idle_timeout = seconds(config.idle_timeout);
  options.body_stall_timeout = seconds(config.stall_timeout);
  return options;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const config::Config& config) {
  std::unique_ptr<Server> server(new Server());
  server->config_ = config;
  FB_ASSIGN_OR_RETURN(rest::AccountsPtr accounts, MakeAccounts(config));
  server->accounts_ = std::make_unique<rest::AccountRegistry>(std::move(accounts));
  FB_ASSIGN_OR_RETURN(rest::AddressGuard guard,
                      rest::AddressGuard::Make(config.copy_allow_sources));
  FB_ASSIGN_OR_RETURN(server->node_, Node::Open(config));
  FB_RETURN_IF_ERROR(CheckLayouts(server->node_->store(), config));
  FB_ASSIGN_OR_RETURN(tier::PlacementOptions placement,
                      PlacementOptionsOf(config, server->node_->chunks()));
  FB_ASSIGN_OR_RETURN(server->lakes_,
                      Lakes::Make(config, server->node_->services(), server->registry_,
                                  server->own_, std::move(placement)));
  server->fetcher_ =
      std::make_unique<rest::HttpSourceFetcher>(std::move(guard), http::ClientOptions{});
  server->recorder_ =
      std::make_unique<admin::RequestRecorder>(server->registry_, config.log_requests);
  rest::BlobServiceOptions options;
  FB_ASSIGN_OR_RETURN(options.default_version,
                      azure::ServiceVersion::Parse(config.default_service_version));
  options.copy_sources.domains = config.domains;
  options.copy_sources.is_own = [&own = server->own_](const IpBytes& address, std::uint16_t port) {
    return own.Meet(address, port);
  };
  server->blobs_ = std::make_unique<rest::BlobService>(
      std::move(options), server->node_->services(), *server->accounts_, *server->fetcher_,
      server->recorder_.get());
  server->blobs_->SetDialect(&server->dfs_);
  // Before the first request, which may be for a name that only its lake knows.
  FB_RETURN_IF_ERROR(server->lakes_->Start());
  FB_RETURN_IF_ERROR(server->Listen());
  server->ExposeMetrics();
  server->node_->Start();
  FB_RETURN_IF_ERROR(server->blobs_->copy_jobs().Start());
  return server;
}

Result<> Server::Listen() {
  std::vector<http::ListenerOptions> listeners;
  for (const config::Listener& listener : config_.listeners) {
    const HostPort address = Split(listener.address);
    http::ListenerOptions options;
    options.address = address.host;
    options.port = address.port;
    options.handler = blobs_.get();
    if (!listener.tls_cert.empty()) {
      options.tls = std::make_unique<http::TlsFiles>(listener.tls_cert, listener.tls_key);
    }
    listeners.push_back(std::move(options));
  }
  http_ = std::make_unique<http::Server>(HttpOptions(config_), std::move(listeners));

  FB_RETURN_IF_ERROR(http_->Start());
  std::vector<OwnAddresses::Bound> bound;
  const std::vector<std::uint16_t> ports = http_->ports();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    bound.push_back({*ParseIp(Split(config_.listeners[i].address).host), ports[i]});
  }
  own_.Set(std::move(bound));
  if (!config_.lake_events_listen.empty()) FB_RETURN_IF_ERROR(ListenEvents());
  return config_.admin_listen.empty() ? Result<>() : ListenAdmin();
}

Result<> Server::ListenEvents() {
  FB_ASSIGN_OR_RETURN(std::string token,
                      admin::EnsureEventsToken(node_->directory(), config_.lake_events_token_file));
  webhook_ = std::make_unique<admin::WebhookService>(lakes_->tier().watch(), std::move(token));
  const HostPort address = Split(config_.lake_events_listen);
  std::vector<http::ListenerOptions> listeners(1);
  listeners.front().address = address.host;
  listeners.front().port = address.port;
  listeners.front().handler = webhook_.get();
  if (!config_.lake_events_tls_cert.empty()) {
    listeners.front().tls =
        std::make_unique<http::TlsFiles>(config_.lake_events_tls_cert, config_.lake_events_tls_key);
  }
  http::ServerOptions options = HttpOptions(config_);
  options.threads = 1;
  options.max_connections = 64;
  webhook_http_ = std::make_unique<http::Server>(options, std::move(listeners));
  return webhook_http_->Start();
}

Result<> Server::ListenAdmin() {
  FB_ASSIGN_OR_RETURN(std::string token,
                      admin::EnsureToken(node_->directory(), config_.admin_token_file));
  admin_pool_ =
      std::make_unique<ThreadPool>(ThreadPool::Options{.name = "admin", .threads = kAdminThreads});
  AddOperations(control_, *node_, *admin_pool_);
  const admin::LakeParts parts{
      .tier = lakes_->tier(),
      .services = node_->services(),
      .accounts = *accounts_,
      .usage = [this](const std::string& account, const std::string& container) {
        return lakes_->UsageOf(account, container);
      }};
  admin::AddLakeOperations(control_, parts);
  admin::AddPlacementOperations(control_, parts);
  admin::AddEventOperations(control_, parts);
  admin::AddLifecycleOperations(control_, parts);
  admin::AdminService::Options options;
  options.ready = [this]() -> Result<> {
    if (draining_) return Fail(Code::kServerBusy, "The server is draining.");
    return node_->ReadyToWrite();
  };
  options.token = std::move(token);
  admin_ =
      std::make_unique<admin::AdminService>(registry_, control_, *admin_pool_, std::move(options));
  const HostPort address = Split(config_.admin_listen);
  std::vector<http::ListenerOptions> admin_listeners(1);
  admin_listeners.front().address = address.host;
  admin_listeners.front().port = address.port;
  admin_listeners.front().handler = admin_.get();
  http::ServerOptions admin_options;
  admin_options.threads = 1;
  admin_options.max_connections = 64;
  admin_http_ = std::make_unique<http::Server>(admin_options, std::move(admin_listeners));
  FB_RETURN_IF_ERROR(admin_http_->Start());
  return admin::WriteEndpoint(node_->directory(), Join(address.host, admin_http_->ports().front()));
}

void Server::ExposeMetrics() {
  callbacks_.push_back(admin::CollectHttp(registry_, *http_));
  callbacks_.push_back(admin::CollectKv(registry_, node_->store()));
  callbacks_.push_back(admin::CollectChunks(registry_, node_->chunks()));
  callbacks_.push_back(admin::CollectScrub(registry_, node_->scrubber()));
  callbacks_.push_back(admin::CollectSweeper(registry_, node_->store(), node_->sweeper()));
  callbacks_.push_back(tier::CollectPlacement(registry_, lakes_->tier().placement()));
  callbacks_.push_back(tier::CollectOverflow(registry_, lakes_->tier()));
  callbacks_.push_back(admin::CollectCopies(registry_, blobs_->copy_jobs()));
  const double started = static_cast<double>(Clock::System().Now().seconds());
  callbacks_.push_back(registry_.AddCollector([started](metrics::Samples& out) {
    out.AddGauge({"forebay_build_info", "1, with the version as a label."},
                 {{"version", Version()}}, 1);
    out.AddGauge({"forebay_start_timestamp_seconds", "When the server started."}, {}, started);
  }));
}

void Server::Reload(const config::Config& next) {
  auto planned = config::PlanReload(config_, next);
  if (!planned) {
    Log(LogLevel::kError, "configuration not reloaded", {{"error", planned.error().message()}});
    return;
  }
  config::ReloadPlan plan = std::move(*planned);
  // Of accounts that were taken out of the configuration and come back.
  if (auto fits = CheckLayouts(node_->store(), plan.effective); !fits) {
    Log(LogLevel::kError, "configuration not reloaded", {{"error", fits.error().message()}});
    return;
  }
  auto accounts = MakeAccounts(plan.effective);
  if (!accounts) {
    Log(LogLevel::kError, "configuration not reloaded", {{"error", accounts.error().message()}});
    return;
  }
  if (auto done = lakes_->Reload(next); !done) {
    const Error error = config::Located(next, std::move(done.error()));
    Log(LogLevel::kError, "configuration not reloaded", {{"error", error.message()}});
    return;
  }
  accounts_->Swap(std::move(*accounts));
  if (auto done = ConfigureLog(plan.effective.log_options()); !done) {
    Log(LogLevel::kError, "log not reconfigured", {{"error", done.error().message()}});
  }
  if (auto done = ReopenLog(); !done) {
    Log(LogLevel::kError, "log not reopened", {{"error", done.error().message()}});
  }
  for (http::Server* server : {http_.get(), webhook_http_.get()}) {
    if (server == nullptr) continue;
    if (auto done = server->ReloadTls(); !done) {
      Log(LogLevel::kError, "certificates not reloaded, the old ones stay",
          {{"error", done.error().message()}});
    }
  }
  config_ = std::move(plan.effective);
  for (const std::string& key : plan.restart) {
    Log(LogLevel::kWarn, "a changed key needs a restart", {{"key", key}});
  }
  Log(LogLevel::kInfo, "configuration reloaded", {{"changed", plan.applied.size()}});
}

void Server::Drain() {
  draining_ = true;
  http_->Drain(std::chrono::duration_cast<std::chrono::milliseconds>(config_.drain_timeout));
  if (webhook_http_) webhook_http_->Drain(std::chrono::seconds(1));
  blobs_->copy_jobs().Stop();
  lakes_->Stop();
  node_->Stop();
  // Last, so that it says to the end how things are. What still runs there, it stops.
  if (admin_http_) admin_http_->Drain(std::chrono::seconds(1));
}

Server::~Server() {
  if (admin_http_) admin::RemoveEndpoint(node_->directory());
}

std::vector<std::string> Server::endpoints() const {
  std::vector<std::string> out;
  const std::vector<std::uint16_t> ports = http_->ports();
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    const config::Listener& listener = config_.listeners[i];
    out.push_back((listener.tls_cert.empty() ? "http://" : "https://") +
                  Join(Split(listener.address).host, ports[i]));
  }
  return out;
}

std::string Server::events_endpoint() const {
  if (!webhook_http_) return "";
  return (config_.lake_events_tls_cert.empty() ? "http://" : "https://") +
         Join(Split(config_.lake_events_listen).host, webhook_http_->ports().front()) +
         std::string(admin::kWebhookPath);
}

std::string Server::admin_endpoint() const {
  if (!admin_http_) return "";
  return "http://" + Join(Split(config_.admin_listen).host, admin_http_->ports().front());
}

}  // namespace forebay::cli
