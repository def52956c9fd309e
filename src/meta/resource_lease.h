// The lease that a client takes on a blob, a path or a container: who may write to it until when.
//
// Pure state machine over a value that lives in the record; the caller reads and writes that record
// in its transaction. Lease ids are compared without case. Rules: "Lease Blob" and "Lease
// Container" of the REST reference, with the tables of outcomes there. Thread safe: functions only.
// (Leases on background jobs are something else: meta/lease.h.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "azure/properties.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::meta {

enum class LeaseStage : std::uint8_t { kNone, kLeased, kBreaking, kBroken };

inline constexpr std::int32_t kInfiniteLease = -1;

struct ResourceLease {
  LeaseStage stage = LeaseStage::kNone;
  std::string id;
  std::int32_t duration_seconds = 0;  // as acquired, or kInfiniteLease
  WallTime ends;                      // of a finite lease; of the break period while breaking

  bool empty() const { return stage == LeaseStage::kNone; }
  // What it is at `now`: a lease runs out, and a break period ends, without anyone writing it.
  azure::LeaseState StateAt(WallTime now) const;
  bool infinite() const { return duration_seconds == kInfiniteLease; }
};

// 15 to 60 seconds or kInfiniteLease (checked by the caller). `proposed_id` is the new lease's id.
// kLeaseAlreadyPresent (another holds it), kLeaseIsBreakingAndCannotBeAcquired.
Result<> AcquireResourceLease(ResourceLease& lease, std::string_view proposed_id,
                              std::int32_t duration_seconds, WallTime now);
// kLeaseNotPresentWithLeaseOperation, kLeaseIdMismatchWithLeaseOperation,
// kLeaseIsBrokenAndCannotBeRenewed.
Result<> RenewResourceLease(ResourceLease& lease, std::string_view id, WallTime now);
// kLeaseNotPresentWithLeaseOperation, kLeaseIdMismatchWithLeaseOperation,
// kLeaseIsBreakingAndCannotBeChanged.
Result<> ChangeResourceLease(ResourceLease& lease, std::string_view id,
                             std::string_view proposed_id, WallTime now);
// kLeaseNotPresentWithLeaseOperation, kLeaseIdMismatchWithLeaseOperation.
Result<> ReleaseResourceLease(ResourceLease& lease, std::string_view id);
// `period_seconds` absent: what is left of a finite lease, 0 of an infinite one. Returns the
// seconds until the lease is broken. kLeaseNotPresentWithLeaseOperation.
Result<std::int32_t> BreakResourceLease(ResourceLease& lease,
                                        std::optional<std::int32_t> period_seconds, WallTime now);

enum class LeasedThing : std::uint8_t { kBlob, kContainer };
// A write: kLeaseIdMissing when the thing is leased and `id` names no lease;
// kLeaseIdMismatchWith…Operation, kLeaseNotPresentWith…Operation, kLeaseLost otherwise.
Result<> CheckLeaseForWrite(const ResourceLease& lease, const std::optional<std::string>& id,
                            LeasedThing thing, WallTime now);
// A read, or a write that a lease does not forbid: only an id that is given must fit.
Result<> CheckLeaseIfGiven(const ResourceLease& lease, const std::optional<std::string>& id,
                           LeasedThing thing, WallTime now);

}  // namespace forebay::meta
