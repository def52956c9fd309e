#include "engine/delete_blob.h"

#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/remove_record.h"

namespace forebay::engine {
namespace {

Result<> CheckTierTime(const DeleteBlobRequest& request, const meta::BlobRecord& record) {
  const std::int64_t set = record.tier_changed.value_or(record.created).seconds();
  if ((request.tier_modified_since && set <= request.tier_modified_since->seconds()) ||
      (request.tier_unmodified_since && set > request.tier_unmodified_since->seconds())) {
    return Fail(Code::kConditionNotMet,
                "The condition on the time of the access tier's last change is not met.");
  }
  return {};
}

Result<> Delete(Services& services, kv::Transaction& txn, const DeleteBlobRequest& request,
                WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
  FB_RETURN_IF_ERROR(CheckTierTime(request, *place.existing));
  FB_RETURN_IF_ERROR(CheckNoPendingCopy(place));
  if (request.snapshots == azure::DeleteSnapshots::kOnly) return {};
  const meta::BlobRecord& record = *place.existing;
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  FB_RETURN_IF_ERROR(NoteDelete(services, txn, place, mark, now));
  return RemoveRecord(services, txn, place.container, place.name, record, now);
}

}  // namespace

Task<> DeleteBlob(Services& services, OpContext context, DeleteBlobRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  if (request.tier_modified_since && request.tier_unmodified_since) {
    co_return Fail(Code::kMultipleConditionHeadersNotSupported,
                   "The access tier's time takes one condition.");
  }
  auto shared = std::make_shared<const DeleteBlobRequest>(std::move(request));
  const WallTime now = services.clock.Now();
  co_return co_await TransactAcknowledged(services, context, shared->target,
                                          [&services, shared, now](kv::Transaction& txn) {
                                            return Delete(services, txn, *shared, now);
                                          });
}

}  // namespace forebay::engine
