#include "engine/delete_blob.h"

#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/remove_record.h"

namespace forebay::engine {
namespace {

Result<> Delete(Services& services, kv::Transaction& txn, const DeleteBlobRequest& request,
                WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
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
  auto shared = std::make_shared<const DeleteBlobRequest>(std::move(request));
  const WallTime now = services.clock.Now();
  co_return co_await TransactAcknowledged(services, context, shared->target,
                                          [&services, shared, now](kv::Transaction& txn) {
                                            return Delete(services, txn, *shared, now);
                                          });
}

}  // namespace forebay::engine
