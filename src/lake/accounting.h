// What traffic with one lake has cost, by cause: requests (each try counts), bytes and failures.
//
// Thread safe. Everybody who talks to a lake counts here, once: the implementation of ObjectLake.
// The same numbers go to the metrics registry, where one is given, and to `lake status`.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "lake/failure.h"
#include "lake/types.h"
#include "metrics/metrics.h"

namespace forebay::lake {

enum class LakeOperation : std::uint8_t {
  kProbe,
  kHead,
  kList,
  kGet,
  kGetTags,
  kGetBlockList,
  kPut,
  kPutBlock,
  kCommitBlocks,
  kCopy,
  kUpdate,
  kDelete,
  kRename,
  kMakeDirectory,
  kGetAcl,
  kSetAcl,
};
inline constexpr std::size_t kLakeOperations = 16;
std::string_view LakeOperationName(LakeOperation operation);  // "put_block"

struct CauseUsage {
  std::uint64_t requests = 0;
  std::uint64_t bytes_down = 0;  // bodies of Get
  std::uint64_t bytes_up = 0;    // bodies of Put and PutBlock
};
struct LakeUsage {
  std::array<CauseUsage, kCauses> by_cause;
  std::array<std::uint64_t, kLakeOperations> by_operation{};
  std::uint64_t failures = 0;
  std::uint64_t retries = 0;

  const CauseUsage& of(Cause cause) const { return by_cause[static_cast<std::size_t>(cause)]; }
  std::uint64_t of(LakeOperation operation) const {
    return by_operation[static_cast<std::size_t>(operation)];
  }
  CauseUsage total() const;
};

class Accounting {
 public:
  // Without metrics.
  Accounting() = default;
  // `lake` labels the metrics: the name of our container.
  Accounting(metrics::Registry& registry, const std::string& lake);
  Accounting(const Accounting&) = delete;
  Accounting& operator=(const Accounting&) = delete;

  void CountRequest(LakeOperation operation, Cause cause);
  void CountDown(Cause cause, std::uint64_t bytes);
  void CountUp(Cause cause, std::uint64_t bytes);
  void CountFailure(Failure failure);
  void CountRetry();

  LakeUsage usage() const;

 private:
  struct PerCause {
    std::atomic<std::uint64_t> requests{0}, down{0}, up{0};
    metrics::Counter* down_total = nullptr;
    metrics::Counter* up_total = nullptr;
    std::array<metrics::Counter*, kLakeOperations> requests_total{};
  };
  static constexpr std::size_t kFailures = static_cast<std::size_t>(Failure::kRejected) + 1;

  std::array<PerCause, kCauses> causes_;
  std::array<std::atomic<std::uint64_t>, kLakeOperations> operations_{};
  std::array<metrics::Counter*, kFailures> failures_total_{};
  metrics::Counter* retries_total_ = nullptr;
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> retries_{0};
};

}  // namespace forebay::lake
