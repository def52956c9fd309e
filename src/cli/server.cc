#include "cli/server.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/log.h"
#include "cli/control.h"
#include "config/reload.h"

namespace forebay::cli {
namespace {

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
    accounts.push_back(std::move(entry));
  }
  return rest::Accounts::Make(accounts);
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
  server->fetcher_ =
      std::make_unique<rest::HttpSourceFetcher>(std::move(guard), http::ClientOptions{});
  server->recorder_ =
      std::make_unique<admin::RequestRecorder>(server->registry_, config.log_requests);
  rest::BlobServiceOptions options;
  options.copy_sources.domains = config.domains;
  for (const config::Listener& listener : config.listeners) {
    options.copy_sources.own_endpoints.push_back(listener.address);
  }
  server->blobs_ = std::make_unique<rest::BlobService>(
      std::move(options), server->node_->services(), *server->accounts_, *server->fetcher_,
      server->recorder_.get());
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

  admin_ = std::make_unique<admin::AdminService>(
      registry_, [this] { return node_->ReadyToWrite(); },
      [this]() -> Result<> {
        if (draining_) return Fail(Code::kServerBusy, "The server is draining.");
        return node_->ReadyToWrite();
      });
  FB_RETURN_IF_ERROR(http_->Start());
  if (config_.admin_listen.empty()) return {};
  FB_RETURN_IF_ERROR(AddControlRoutes(*admin_, *node_, node_->services().pool, config_));
  const HostPort address = Split(config_.admin_listen);
  std::vector<http::ListenerOptions> admin_listeners(1);
  admin_listeners.front().address = address.host;
  admin_listeners.front().port = address.port;
  admin_listeners.front().handler = admin_.get();
  http::ServerOptions admin_options;
  admin_options.threads = 1;
  admin_options.max_connections = 64;
  admin_http_ = std::make_unique<http::Server>(admin_options, std::move(admin_listeners));
  return admin_http_->Start();
}

void Server::ExposeMetrics() {
  auto gauge = [this](std::string name, std::string help, std::function<double()> read) {
    callbacks_.push_back(
        registry_.AddGaugeCallback({std::move(name), std::move(help)}, {}, std::move(read)));
  };
  auto counter = [this](std::string name, std::string help, std::function<double()> read) {
    callbacks_.push_back(
        registry_.AddCounterCallback({std::move(name), std::move(help)}, {}, std::move(read)));
  };
  auto number = [](auto n) { return static_cast<double>(n); };
  gauge("forebay_connections", "Open client connections.",
        [this, number] { return number(http_->stats().connections_open); });
  counter("forebay_connections_total", "Client connections accepted.",
          [this, number] { return number(http_->stats().connections_total); });
  counter("forebay_connections_refused_total", "Connections above the limit.",
          [this, number] { return number(http_->stats().connections_refused); });
  counter("forebay_connection_timeouts_total", "Connections ended for being idle or too slow.",
          [this, number] { return number(http_->stats().timeouts); });
  counter("forebay_kv_commits_total", "Transactions committed.",
          [this, number] { return number(node_->store().stats().commit.transactions); });
  counter("forebay_kv_groups_total", "Log writes, each for a group of transactions.",
          [this, number] { return number(node_->store().stats().commit.groups); });
  gauge("forebay_kv_cache_bytes", "Bytes in the block cache.",
        [this, number] { return number(node_->store().stats().cache_used_bytes); });
  counter("forebay_chunk_written_bytes_total", "Bytes written to segments.",
          [this, number] { return number(node_->chunks().stats().bytes_written); });
  counter("forebay_chunk_syncs_total", "fdatasync calls on segments.",
          [this, number] { return number(node_->chunks().stats().syncs); });
  counter("forebay_chunk_punched_bytes_total", "Bytes of deleted chunks given back.",
          [this, number] { return number(node_->chunks().stats().bytes_punched); });
  counter("forebay_chunk_corrupt_reads_total", "Reads that failed their checksum.",
          [this, number] { return number(node_->chunks().stats().corrupt_reads); });
}

void Server::Reload(const config::Config& next) {
  config::ReloadPlan plan = config::PlanReload(config_, next);
  auto accounts = MakeAccounts(plan.effective);
  if (!accounts) {
    Log(LogLevel::kError, "configuration not reloaded", {{"error", accounts.error().message()}});
    return;
  }
  accounts_->Swap(std::move(*accounts));
  if (auto done = ConfigureLog(plan.effective.log_options()); !done) {
    Log(LogLevel::kError, "log not reconfigured", {{"error", done.error().message()}});
  }
  if (auto done = ReopenLog(); !done) {
    Log(LogLevel::kError, "log not reopened", {{"error", done.error().message()}});
  }
  if (auto done = http_->ReloadTls(); !done) {
    Log(LogLevel::kError, "certificates not reloaded, the old ones stay",
        {{"error", done.error().message()}});
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
  blobs_->copy_jobs().Stop();
  node_->Stop();
}

Server::~Server() = default;

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

std::string Server::admin_endpoint() const {
  if (!admin_http_) return "";
  return "http://" + Join(Split(config_.admin_listen).host, admin_http_->ports().front());
}

}  // namespace forebay::cli
