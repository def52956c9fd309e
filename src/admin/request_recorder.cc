#include "admin/request_recorder.h"

#include <chrono>

#include "base/log.h"

namespace forebay::admin {

RequestRecorder::RequestRecorder(metrics::Registry& registry, bool log_requests)
    : registry_(registry),
      log_requests_(log_requests),
      bytes_in_(
          registry.GetCounter({"forebay_request_body_bytes_total", "Bytes of request bodies."})),
      bytes_out_(
          registry.GetCounter({"forebay_response_body_bytes_total", "Bytes of response bodies."})) {
}

RequestRecorder::Series& RequestRecorder::SeriesOf(std::string_view operation, unsigned status) {
  std::lock_guard lock(mutex_);
  Series& series = series_[{operation, status}];
  if (series.requests == nullptr) {
    const std::string name(operation);
    series.requests =
        &registry_.GetCounter({"forebay_requests_total", "Requests by operation and HTTP status."},
                              {{"operation", name}, {"status", std::to_string(status)}});
    series.latency = &registry_.GetHistogram(
        {"forebay_request_duration_seconds", "Time from the request's head to the answer's end."},
        {{"operation", name}}, metrics::LatencyBuckets());
  }
  return series;
}

void RequestRecorder::Observe(const rest::RequestLog& log) {
  Series& series = SeriesOf(log.operation, log.status);
  series.requests->Add();
  series.latency->Observe(std::chrono::duration<double>(log.end_to_end_latency).count());
  if (log.bytes_in > 0) bytes_in_.Add(static_cast<double>(log.bytes_in));
  if (log.bytes_out > 0) bytes_out_.Add(static_cast<double>(log.bytes_out));
  const bool failed = log.status >= 500;
  if (!failed && !(log_requests_ && LogEnabled(LogLevel::kInfo))) return;
  auto us = [](std::chrono::nanoseconds t) {
    return std::chrono::duration_cast<std::chrono::microseconds>(t).count();
  };
  Log(failed ? LogLevel::kError : LogLevel::kInfo, "request",
      {{"request_id", log.request_id},
       {"operation", log.operation},
       {"method", log.method},
       {"path", log.path},
       {"status", log.status},
       {"error", log.error_code},
       {"detail", log.error_detail},
       {"auth", log.auth},
       {"client", log.client_ip},
       {"client_request_id", log.client_request_id},
       {"user_agent", log.user_agent},
       {"version", log.version},
       {"bytes_in", log.bytes_in},
       {"bytes_out", log.bytes_out},
       {"complete", log.complete},
       {"server_us", us(log.server_latency)},
       {"total_us", us(log.end_to_end_latency)}});
}

}  // namespace forebay::admin
