#include "meta/resource_lease.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"

namespace forebay::meta {
namespace {

using azure::LeaseState;

Error NotPresent() {
  return Error(Code::kLeaseNotPresentWithLeaseOperation,
               "There is currently no lease on the resource.");
}
Error Mismatch() {
  return Error(Code::kLeaseIdMismatchWithLeaseOperation,
               "The lease ID specified did not match the lease ID for the resource with the "
               "specified lease operation.");
}

// "Available" is a resource that nobody leases and whose last lease is forgotten.
Result<> RequireId(const ResourceLease& lease, std::string_view id) {
  if (lease.empty()) return Fail(NotPresent());
  if (!EqualsIgnoreCase(lease.id, id)) return Fail(Mismatch());
  return {};
}

void Begin(ResourceLease& lease, WallTime now) {
  lease.stage = LeaseStage::kLeased;
  lease.ends = lease.infinite() ? WallTime{} : now + std::chrono::seconds(lease.duration_seconds);
}

std::int32_t SecondsLeft(const ResourceLease& lease, WallTime now) {
  if (lease.ends <= now) return 0;
  const std::int64_t ticks = lease.ends.ticks - now.ticks;
  return static_cast<std::int32_t>((ticks + WallTime::kTicksPerSecond - 1) /
                                   WallTime::kTicksPerSecond);
}

bool Holds(LeaseState state) {
  return state == LeaseState::kLeased || state == LeaseState::kBreaking;
}

}  // namespace

LeaseState ResourceLease::StateAt(WallTime now) const {
  switch (stage) {
    case LeaseStage::kNone:
      return LeaseState::kAvailable;
    case LeaseStage::kLeased:
      return infinite() || now < ends ? LeaseState::kLeased : LeaseState::kExpired;
    case LeaseStage::kBreaking:
      return now < ends ? LeaseState::kBreaking : LeaseState::kBroken;
    case LeaseStage::kBroken:
      return LeaseState::kBroken;
  }
  return LeaseState::kAvailable;
}

Result<> AcquireResourceLease(ResourceLease& lease, std::string_view proposed_id,
                              std::int32_t duration_seconds, WallTime now) {
  const bool same = EqualsIgnoreCase(lease.id, proposed_id);
  const LeaseState state = lease.StateAt(now);
  if (state == LeaseState::kLeased && !same) {
    return Fail(Code::kLeaseAlreadyPresent, "There is already a lease present.");
  }
  if (state == LeaseState::kBreaking) {
    if (!same) return Fail(Code::kLeaseAlreadyPresent, "There is already a lease present.");
    return Fail(Code::kLeaseIsBreakingAndCannotBeAcquired,
                "The lease ID matched, but the lease is currently in breaking state and cannot be "
                "acquired until it is broken.");
  }
  lease.id = proposed_id;
  lease.duration_seconds = duration_seconds;
  Begin(lease, now);
  return {};
}

Result<> RenewResourceLease(ResourceLease& lease, std::string_view id, WallTime now) {
  FB_RETURN_IF_ERROR(RequireId(lease, id));
  if (lease.stage != LeaseStage::kLeased) {
    return Fail(Code::kLeaseIsBrokenAndCannotBeRenewed,
                "The lease ID matched, but the lease has been broken explicitly and cannot be "
                "renewed.");
  }
  Begin(lease, now);
  return {};
}

Result<> ChangeResourceLease(ResourceLease& lease, std::string_view id,
                             std::string_view proposed_id, WallTime now) {
  const LeaseState state = lease.StateAt(now);
  if (!Holds(state)) return Fail(NotPresent());
  // A client that missed the answer of its change asks again with the old id.
  if (!EqualsIgnoreCase(lease.id, id) && !EqualsIgnoreCase(lease.id, proposed_id)) {
    return Fail(Mismatch());
  }
  if (state == LeaseState::kBreaking) {
    return Fail(Code::kLeaseIsBreakingAndCannotBeChanged,
                "The lease ID matched, but the lease is currently in breaking state and cannot be "
                "changed.");
  }
  lease.id = proposed_id;
  return {};
}

Result<> ReleaseResourceLease(ResourceLease& lease, std::string_view id) {
  FB_RETURN_IF_ERROR(RequireId(lease, id));
  lease = {};
  return {};
}

Result<std::int32_t> BreakResourceLease(ResourceLease& lease,
                                        std::optional<std::int32_t> period_seconds, WallTime now) {
  const LeaseState state = lease.StateAt(now);
  switch (state) {
    case LeaseState::kAvailable:
      return Fail(NotPresent());
    case LeaseState::kExpired:
    case LeaseState::kBroken:
      lease.stage = LeaseStage::kBroken;
      lease.ends = now;
      return 0;
    case LeaseState::kLeased:
    case LeaseState::kBreaking:
      break;
  }
  // A break never takes longer than the lease, or a break that is under way, would have.
  std::int32_t left = period_seconds.value_or(0);
  if (!lease.infinite() || state == LeaseState::kBreaking) {
    const std::int32_t most = SecondsLeft(lease, now);
    left = period_seconds ? std::min(*period_seconds, most) : most;
  }
  lease.stage = left > 0 ? LeaseStage::kBreaking : LeaseStage::kBroken;
  lease.ends = now + std::chrono::seconds(left);
  return left;
}

Result<> CheckLeaseForWrite(const ResourceLease& lease, const std::optional<std::string>& id,
                            LeasedThing thing, WallTime now) {
  if (!id && lease.empty()) return {};
  if (!id && Holds(lease.StateAt(now))) {
    return Fail(
        Code::kLeaseIdMissing,
        "There is currently a lease on the resource and no lease ID was specified in the request.");
  }
  return CheckLeaseIfGiven(lease, id, thing, now);
}

Result<> CheckLeaseIfGiven(const ResourceLease& lease, const std::optional<std::string>& id,
                           LeasedThing thing, WallTime now) {
  if (!id) return {};
  const bool blob = thing == LeasedThing::kBlob;
  const LeaseState state = lease.StateAt(now);
  if (Holds(state)) {
    if (EqualsIgnoreCase(lease.id, *id)) return {};
    return Fail(blob ? Code::kLeaseIdMismatchWithBlobOperation
                     : Code::kLeaseIdMismatchWithContainerOperation,
                "The lease ID specified did not match the lease ID for the resource.");
  }
  if (!lease.empty() && EqualsIgnoreCase(lease.id, *id)) {
    return Fail(Code::kLeaseLost,
                "A lease ID was specified, but the lease for the resource has expired.");
  }
  return Fail(
      blob ? Code::kLeaseNotPresentWithBlobOperation : Code::kLeaseNotPresentWithContainerOperation,
      "There is currently no lease on the resource.");
}

}  // namespace forebay::meta
