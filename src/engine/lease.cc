#include "engine/lease.h"

#include <memory>

#include "engine/commit.h"
#include "engine/get_container.h"
#include "engine/look_up.h"
#include "meta/keys.h"
#include "meta/resource_lease.h"

namespace forebay::engine {
namespace {

Result<> Apply(const LeaseRequest& request, meta::ResourceLease& lease, WallTime now,
               LeaseResult& result) {
  switch (request.action) {
    case LeaseAction::kAcquire:
      FB_RETURN_IF_ERROR(
          meta::AcquireResourceLease(lease, request.proposed_id, request.duration_seconds, now));
      break;
    case LeaseAction::kRenew:
      FB_RETURN_IF_ERROR(meta::RenewResourceLease(lease, request.lease_id, now));
      break;
    case LeaseAction::kChange:
      FB_RETURN_IF_ERROR(
          meta::ChangeResourceLease(lease, request.lease_id, request.proposed_id, now));
      break;
    case LeaseAction::kRelease:
      return meta::ReleaseResourceLease(lease, request.lease_id);
    case LeaseAction::kBreak: {
      FB_ASSIGN_OR_RETURN(result.seconds_left,
                          meta::BreakResourceLease(lease, request.break_period_seconds, now));
      return {};
    }
  }
  result.lease_id = lease.id;
  return {};
}

// The other conditions hold; the lease id is judged by the state machine.
azure::Conditions WithoutLease(azure::Conditions conditions) {
  conditions.lease_id.reset();
  return conditions;
}

Result<LeaseResult> OnBlob(Services& services, kv::Transaction& txn, const BlobTarget& target,
                           const LeaseRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(txn, target));
  // A copy that is pending keeps the lease with which it began.
  FB_RETURN_IF_ERROR(CheckNoPendingCopy(place));
  meta::BlobRecord record = *place.existing;
  const azure::ConditionSubject subject = SubjectOf(record);
  FB_RETURN_IF_ERROR(azure::CheckWrite(request.conditions, &subject));
  LeaseResult result;
  result.changed = {subject.etag, subject.last_modified};
  FB_RETURN_IF_ERROR(Apply(request, record.lease, now, result));
  FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, place.name, record, services.ids));
  return result;
}

Result<LeaseResult> OnContainer(kv::Transaction& txn, const ContainerTarget& target,
                                const LeaseRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord record,
                      RequireContainer(txn, target.account.name, target.container));
  const azure::ConditionSubject subject = SubjectOf(record);
  FB_RETURN_IF_ERROR(azure::CheckWrite(request.conditions, &subject));
  LeaseResult result;
  result.changed = {subject.etag, subject.last_modified};
  FB_RETURN_IF_ERROR(Apply(request, record.lease, now, result));
  txn.Put(meta::keys::Container(target.account.name.view(), target.container.view()),
          meta::Encode(record));
  return result;
}

}  // namespace

Task<LeaseResult> LeaseBlob(Services& services, OpContext context, BlobTarget target,
                            LeaseRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  request.conditions = WithoutLease(std::move(request.conditions));
  const auto result = std::make_shared<LeaseResult>();
  FB_CO_RETURN_IF_ERROR(co_await TransactNamed(
      services, context,
      [&services, target = std::move(target), request = std::move(request),
       now = services.clock.Now(), result](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*result, OnBlob(services, txn, target, request, now));
        return {};
      }));
  co_return std::move(*result);
}

Task<LeaseResult> LeaseContainer(Services& services, OpContext context, ContainerTarget target,
                                 LeaseRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  request.conditions = WithoutLease(std::move(request.conditions));
  const auto result = std::make_shared<LeaseResult>();
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [target = std::move(target), request = std::move(request), now = services.clock.Now(),
       result](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*result, OnContainer(txn, target, request, now));
        return {};
      }));
  co_return std::move(*result);
}

}  // namespace forebay::engine
