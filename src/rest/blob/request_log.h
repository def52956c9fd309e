// What a request was, once it is over: for the access log, the metrics and the metering.
//
// The service fills one RequestLog a request and hands it to the observer exactly once, after the
// last byte of the answer was taken by the connection, or the answer was dropped. `Observe` runs on
// the request's event loop: it must be quick and must not block. Thread safe implementations only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace forebay::rest {

struct RequestLog {
  WallTime started;
  std::string request_id;
  std::string client_request_id;  // as sent, cut to 1 KiB
  std::string_view operation;     // "PutBlob"; "Unknown" where the request was not recognised
  std::string_view category;      // StorageRead, StorageWrite, StorageDelete
  std::string method;
  std::string account;
  std::string container;
  std::string blob;
  std::string path;  // encoded, without the query: a SAS must not reach a log
  unsigned status = 0;
  std::string error_code;    // Azure's; empty on success
  std::string error_detail;  // ours, for the operator; empty on success
  std::string_view auth;  // "SharedKey", "SharedKeyLite", "AccountSas", "ServiceSas", "Anonymous"
  std::string version;    // x-ms-version as served
  std::string user_agent;
  std::string client_ip;
  bool tls = false;
  std::uint64_t bytes_in = 0;                      // of the body
  std::uint64_t bytes_out = 0;                     // of the body, as far as it was sent
  bool complete = true;                            // the whole answer was taken
  std::chrono::nanoseconds server_latency{0};      // until the head of the answer was ready
  std::chrono::nanoseconds end_to_end_latency{0};  // until the answer was over
};

class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void Observe(const RequestLog& log) = 0;
};

}  // namespace forebay::rest
