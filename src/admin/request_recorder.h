// Turns every finished request into one log line and its metrics. Thread safe.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "metrics/metrics.h"
#include "rest/blob/request_log.h"

namespace forebay::admin {

class RequestRecorder final : public rest::RequestObserver {
 public:
  // `log_requests`: one line a request at level info; requests that failed on our side are always
  // logged.
  RequestRecorder(metrics::Registry& registry, bool log_requests);
  void Observe(const rest::RequestLog& log) override;

 private:
  struct Series {
    metrics::Counter* requests = nullptr;
    metrics::Histogram* latency = nullptr;
  };
  Series& SeriesOf(std::string_view operation, unsigned status);

  metrics::Registry& registry_;
  const bool log_requests_;
  metrics::Counter& bytes_in_;
  metrics::Counter& bytes_out_;
  std::mutex mutex_;
  std::map<std::pair<std::string_view, unsigned>, Series> series_;  // operation names live for ever
};

}  // namespace forebay::admin
