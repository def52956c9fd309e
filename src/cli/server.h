// `forebay serve`: a Node with its listeners, from configuration to a drained end.
//
// Made, run and destroyed on the main thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "admin/admin_service.h"
#include "admin/control_api.h"
#include "admin/request_recorder.h"
#include "admin/webhook_service.h"
#include "cli/lakes.h"
#include "cli/node.h"
#include "cli/own_addresses.h"
#include "config/config.h"
#include "http/server.h"
#include "metrics/metrics.h"
#include "rest/blob/blob_service.h"
#include "rest/dfs/dfs_dialect.h"

namespace forebay::cli {

class Server {
 public:
  // Opens the data and binds the listeners; requests are served from here on.
  static Result<std::unique_ptr<Server>> Start(const config::Config& config);
  ~Server();

  // Takes what a running server can from `next`; logs what needs a restart.
  void Reload(const config::Config& next);
  // Stops accepting, lets requests finish within the configured time, ends background work.
  void Drain();

  // "http://127.0.0.1:10000", as bound.
  std::vector<std::string> endpoints() const;
  std::string admin_endpoint() const;
  // "https://0.0.0.0:8443/v1/lakes/azure-events"; empty: there is no webhook.
  std::string events_endpoint() const;
  // What the admin listener offers.
  const admin::ControlApi& control() const { return control_; }

 private:
  Server() = default;
  Result<> Listen();
  Result<> ListenAdmin();
  Result<> ListenEvents();
  void ExposeMetrics();

  config::Config config_;
  metrics::Registry registry_;
  std::vector<metrics::Registry::CallbackHandle> callbacks_;
  OwnAddresses own_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<Lakes> lakes_;
  std::unique_ptr<rest::AccountRegistry> accounts_;
  std::unique_ptr<rest::SourceFetcher> fetcher_;
  std::unique_ptr<admin::RequestRecorder> recorder_;
  rest::dfs::DfsDialect dfs_;
  std::unique_ptr<rest::BlobService> blobs_;
  admin::ControlApi control_;
  std::unique_ptr<admin::AdminService> admin_;
  std::atomic<bool> draining_{false};
  // Last: gone first, so that no request is under way when the rest goes.
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<admin::WebhookService> webhook_;
  std::unique_ptr<http::Server> webhook_http_;
  std::unique_ptr<http::Server> admin_http_;
  // Before the loops that wait for it: its end is that of the last operation.
  std::unique_ptr<ThreadPool> admin_pool_;
};

}  // namespace forebay::cli
