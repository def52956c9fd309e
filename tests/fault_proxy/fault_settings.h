// What a FaultProxy does to the link, as numbers that may change at any time. Thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <string_view>

#include "base/result.h"
#include "lake/limits.h"

namespace forebay::fault_proxy {

enum class Fault : std::uint8_t { kNone, kError, kLost, kShort, kReset };

class FaultSettings {
 public:
  // "rtt_ms=15&error_share=0.01": README.md has the names. kInvalidInput, naming what is wrong;
  // nothing is changed then.
  Result<> Apply(std::string_view query);

  std::chrono::nanoseconds half_rtt() const;
  bool black_hole() const { return black_hole_; }
  unsigned error_status() const { return error_status_; }
  unsigned retry_after_s() const { return retry_after_s_; }
  // What the server's clock seems to be ahead of the clients'; negative: behind.
  std::chrono::seconds clock_ahead() const { return std::chrono::seconds(clock_ahead_s_); }
  // The fault that the next request meets; counted.
  Fault Draw();
  double Uniform();  // [0, 1)
  void CountRequest() { ++requests_; }
  std::string StatsJson() const;

  lake::TokenBucket up, down;

 private:
  std::atomic<double> rtt_ms_{0}, error_share_{0}, lost_share_{0}, short_share_{0}, reset_share_{0};
  std::atomic<bool> black_hole_{false};
  std::atomic<unsigned> error_status_{503}, retry_after_s_{0};
  std::atomic<std::int64_t> clock_ahead_s_{0};
  std::atomic<std::uint64_t> requests_{0}, errors_{0}, lost_{0}, shorts_{0}, resets_{0};
  std::mutex mutex_;
  std::mt19937_64 generator_{1};
};

}  // namespace forebay::fault_proxy
