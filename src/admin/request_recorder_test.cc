#include "admin/request_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay::admin {
namespace {

using testing::HasSubstr;

rest::RequestLog Finished(std::string_view operation, unsigned status) {
  rest::RequestLog log;
  log.operation = operation;
  log.method = "PUT";
  log.status = status;
  log.bytes_in = 100;
  log.bytes_out = 7;
  log.end_to_end_latency = std::chrono::milliseconds(3);
  return log;
}

TEST(RequestRecorder, CountsByOperationAndStatus) {
  metrics::Registry registry;
  RequestRecorder recorder(registry, /*log_requests=*/false);
  recorder.Observe(Finished("PutBlob", 201));
  recorder.Observe(Finished("PutBlob", 201));
  recorder.Observe(Finished("PutBlob", 412));
  recorder.Observe(Finished("GetBlob", 200));
  const std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("forebay_requests_total{operation=\"PutBlob\",status=\"201\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("forebay_requests_total{operation=\"PutBlob\",status=\"412\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("forebay_requests_total{operation=\"GetBlob\",status=\"200\"} 1\n"));
  // One latency series an operation, whatever the status.
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_count{operation=\"PutBlob\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_bucket{operation=\"PutBlob\","
                              "le=\"0.0025\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_bucket{operation=\"PutBlob\","
                              "le=\"0.005\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_body_bytes_total 400\n"));
  EXPECT_THAT(text, HasSubstr("forebay_response_body_bytes_total 28\n"));
}

}  // namespace
}  // namespace forebay::admin
