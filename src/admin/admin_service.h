// The admin listener: health, readiness and metrics, on an address of its own.
//
//   GET /healthz   200 while the process works; 503 with the reason once a part has failed for good
//   GET /readyz    200 while requests are welcome; 503 when starting, draining, or out of space
//   GET /metrics   Prometheus text
//   GET /          a page that names these
// Further routes are added before the server starts (AddRoute); they get the whole request.
// Thread safe once serving.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "http/server.h"
#include "metrics/metrics.h"

namespace forebay::admin {

class AdminService final : public http::Handler {
 public:
  using Check = std::function<Result<>()>;
  using Route = std::function<Task<http::Response>(OpContext, http::Request&)>;

  // `healthy` and `ready` are asked at each request; they must be quick and thread safe.
  AdminService(metrics::Registry& registry, Check healthy, Check ready);

  // `method_and_path` as in "POST /v1/backup".
  void AddRoute(std::string method_and_path, Route route);
  Task<http::Response> Handle(OpContext context, http::Request& request) override;

 private:
  metrics::Registry& registry_;
  Check healthy_;
  Check ready_;
  std::map<std::string, Route> routes_;
};

}  // namespace forebay::admin
