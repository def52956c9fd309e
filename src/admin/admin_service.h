// The admin listener: health, readiness, metrics and the administration, on an address of its own.
//
//   GET /healthz   200: the process works. Nothing else is looked at, as whoever restarts a server
//                  for a red answer mends no disk by it
//   GET /readyz    200 while requests are welcome; 503 with the reason while not: draining, the
//                  metadata store holds writes back, no data directory takes writes, no room
//   GET /metrics   Prometheus text (docs/metrics.md)
//   GET /          a page that names these
//   /v1/…          the operations of a ControlApi (docs/administration.md), for those who bring
//                  `Authorization: Bearer TOKEN`
//
// Thread safe once serving. References must outlive it; the pool, on which metrics are gathered and
// readiness is found out, must be gone before the loops are.
#pragma once

#include <functional>
#include <string>

#include "admin/control_api.h"
#include "async/thread_pool.h"
#include "http/server.h"
#include "metrics/metrics.h"

namespace forebay::admin {

class AdminService final : public http::Handler {
 public:
  using Check = std::function<Result<>()>;
  struct Options {
    Check ready;        // asked at each request, on the pool; thread safe
    std::string token;  // of the administration; never empty
  };

  AdminService(const metrics::Registry& registry, const ControlApi& control, ThreadPool& pool,
               Options options);

  Task<http::Response> Handle(OpContext context, http::Request& request) override;

 private:
  Task<http::Response> Control(OpContext context, http::Request& request);
  Task<http::Response> Metrics();
  Task<http::Response> Readiness();
  bool Authorized(const http::Request& request) const;

  const metrics::Registry& registry_;
  const ControlApi& control_;
  ThreadPool& pool_;
  const Options options_;
};

}  // namespace forebay::admin
