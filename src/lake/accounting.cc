#include "lake/accounting.h"

namespace forebay::lake {
namespace {

constexpr std::array<std::string_view, kLakeOperations> kOperationNames = {
    "probe",  "head",           "list",          "get",    "get_tags", "get_block_list",
    "put",    "put_block",      "commit_blocks", "copy",   "update",   "delete",
    "rename", "make_directory", "get_acl",       "set_acl"};

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

std::string_view LakeOperationName(LakeOperation operation) {
  return kOperationNames[static_cast<std::size_t>(operation)];
}

CauseUsage LakeUsage::total() const {
  CauseUsage out;
  for (const CauseUsage& cause : by_cause) {
    out.requests += cause.requests;
    out.bytes_down += cause.bytes_down;
    out.bytes_up += cause.bytes_up;
  }
  return out;
}

Accounting::Accounting(metrics::Registry& registry, const std::string& lake) {
  for (std::size_t i = 0; i < kCauses; ++i) {
    PerCause& cause = causes_[i];
    const std::string name(CauseName(static_cast<Cause>(i)));
    cause.down_total = &registry.GetCounter({.name = "forebay_lake_received_bytes_total",
                                             .help = "Bytes of blobs that came from the lake."},
                                            {{"lake", lake}, {"cause", name}});
    cause.up_total = &registry.GetCounter(
        {.name = "forebay_lake_sent_bytes_total", .help = "Bytes of blobs that went to the lake."},
        {{"lake", lake}, {"cause", name}});
    for (std::size_t j = 0; j < kLakeOperations; ++j) {
      cause.requests_total[j] = &registry.GetCounter(
          {.name = "forebay_lake_requests_total",
           .help = "Requests sent to the lake; every try counts."},
          {{"lake", lake}, {"cause", name}, {"operation", std::string(kOperationNames[j])}});
    }
  }
  for (std::size_t i = 0; i < kFailures; ++i) {
    failures_total_[i] = &registry.GetCounter(
        {.name = "forebay_lake_failures_total",
         .help = "Tries of requests to the lake that failed, by what the failure means."},
        {{"lake", lake}, {"failure", std::string(FailureName(static_cast<Failure>(i)))}});
  }
  retries_total_ = &registry.GetCounter(
      {.name = "forebay_lake_retries_total", .help = "Requests to the lake that were sent again."},
      {{"lake", lake}});
}

void Accounting::CountRequest(LakeOperation operation, Cause cause) {
  const auto index = static_cast<std::size_t>(operation);
  PerCause& per = causes_[static_cast<std::size_t>(cause)];
  per.requests.fetch_add(1, kRelaxed);
  operations_[index].fetch_add(1, kRelaxed);
  if (per.requests_total[index] != nullptr) per.requests_total[index]->Add();
}

void Accounting::CountDown(Cause cause, std::uint64_t bytes) {
  PerCause& per = causes_[static_cast<std::size_t>(cause)];
  per.down.fetch_add(bytes, kRelaxed);
  if (per.down_total != nullptr) per.down_total->Add(static_cast<double>(bytes));
}

void Accounting::CountUp(Cause cause, std::uint64_t bytes) {
  PerCause& per = causes_[static_cast<std::size_t>(cause)];
  per.up.fetch_add(bytes, kRelaxed);
  if (per.up_total != nullptr) per.up_total->Add(static_cast<double>(bytes));
}

void Accounting::CountFailure(Failure failure) {
  failures_.fetch_add(1, kRelaxed);
  metrics::Counter* counter = failures_total_[static_cast<std::size_t>(failure)];
  if (counter != nullptr) counter->Add();
}

void Accounting::CountRetry() {
  retries_.fetch_add(1, kRelaxed);
  if (retries_total_ != nullptr) retries_total_->Add();
}

LakeUsage Accounting::usage() const {
  LakeUsage out;
  for (std::size_t i = 0; i < kCauses; ++i) {
    out.by_cause[i] = {.requests = causes_[i].requests.load(kRelaxed),
                       .bytes_down = causes_[i].down.load(kRelaxed),
                       .bytes_up = causes_[i].up.load(kRelaxed)};
  }
  for (std::size_t i = 0; i < kLakeOperations; ++i) {
    out.by_operation[i] = operations_[i].load(kRelaxed);
  }
  out.failures = failures_.load(kRelaxed);
  out.retries = retries_.load(kRelaxed);
  return out;
}

}  // namespace forebay::lake
