// What the administration says about lifecycle policies, in JSON; rules as in
// admin/lake_messages.h. A policy itself is Azure's document (azure/lifecycle_policy.h) and goes
// through as it is.
//
// Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/json.h"
#include "base/result.h"

namespace forebay::admin {

struct LifecycleMoveInfo {
  std::string container = {};
  std::string name = {};
  std::string action = {};  // tierToCool, tierToCold, tierToArchive, delete
  std::string rule = {};
  std::uint64_t bytes = 0;
  std::string error = {};  // why it was not done
  friend bool operator==(const LifecycleMoveInfo&, const LifecycleMoveInfo&) = default;
};

// The answer of POST /v1/lifecycle/run.
struct LifecycleReportInfo {
  bool dry_run = false;
  std::string started = {};
  std::string finished = {};
  std::uint64_t blobs = 0;  // looked at
  std::uint64_t moved = 0;
  std::uint64_t deleted = 0;
  std::uint64_t skipped = 0;  // may not be changed, or changed meanwhile
  std::uint64_t failed = 0;
  std::vector<LifecycleMoveInfo> moves = {};  // the first of them
  friend bool operator==(const LifecycleReportInfo&, const LifecycleReportInfo&) = default;
};
std::string Encode(const LifecycleReportInfo& report);
azure::Json ToJson(const LifecycleReportInfo& report);
Result<LifecycleReportInfo> DecodeLifecycleReport(std::string_view json);

// The answer of GET and POST /v1/lifecycle.
struct LifecycleInfo {
  std::string account = {};
  std::string policy = {};  // Azure's JSON
  std::optional<LifecycleReportInfo> last_run = {};
  friend bool operator==(const LifecycleInfo&, const LifecycleInfo&) = default;
};
// kInvalidInput: the policy is no JSON.
Result<std::string> Encode(const LifecycleInfo& info);
Result<LifecycleInfo> DecodeLifecycle(std::string_view json);

// POST /v1/lifecycle (`policy` must be there), /v1/lifecycle/delete (only the account counts) and
// /v1/lifecycle/run, where a policy is tried before it is put.
struct LifecycleRequest {
  std::string account = {};
  bool dry_run = false;
  std::optional<std::string> policy = {};  // Azure's JSON
  friend bool operator==(const LifecycleRequest&, const LifecycleRequest&) = default;
};
// kInvalidInput: the policy is no JSON.
Result<std::string> Encode(const LifecycleRequest& request);
Result<LifecycleRequest> DecodeLifecycleRequest(std::string_view json);

}  // namespace forebay::admin
