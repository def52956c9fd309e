// Lease Blob, Lease Container and Lease Path: acquire, renew, change, release, break.
//
// A lease never changes ETag or Last-Modified. Errors: kContainerNotFound, kBlobNotFound,
// kConditionNotMet, and those of meta/resource_lease.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

enum class LeaseAction : std::uint8_t { kAcquire, kRenew, kChange, kRelease, kBreak };

struct LeaseRequest {
  LeaseAction action = LeaseAction::kAcquire;
  azure::Conditions conditions;                      // its lease_id is not a condition here
  std::string lease_id;                              // of renew, change, release
  std::string proposed_id;                           // of acquire, change; never empty there
  std::int32_t duration_seconds = 0;                 // of acquire: 15 to 60, or -1
  std::optional<std::int32_t> break_period_seconds;  // 0 to 60
};
struct LeaseResult {
  Changed changed;                // what the resource has; a lease leaves it alone
  std::string lease_id;           // acquire, renew, change
  std::int32_t seconds_left = 0;  // break
};

Task<LeaseResult> LeaseBlob(Services& services, OpContext context, BlobTarget target,
                            LeaseRequest request);
Task<LeaseResult> LeaseContainer(Services& services, OpContext context, ContainerTarget target,
                                 LeaseRequest request);

}  // namespace forebay::engine
