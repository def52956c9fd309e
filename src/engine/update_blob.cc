#include "engine/update_blob.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/codec.h"
#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/lake_side.h"
#include "meta/keys.h"
#include "meta/tag_index.h"

namespace forebay::engine {
namespace {

// True when the change is one that makes a new ETag.
bool ChangesContentAttributes(const UpdateBlobRequest& request) {
  return request.http || request.metadata;
}

Result<> CheckState(const UpdateBlobRequest& request, const meta::BlobRecord& record) {
  if (record.directory && request.tier) {
    return Fail(Code::kInvalidBlobTier, "A directory has no access tier.");
  }
  if (ChangesContentAttributes(request) && record.tier == azure::AccessTier::kArchive) {
    return Fail(Code::kBlobArchived, "This operation is not permitted on an archived blob.");
  }
  if (request.tier && record.rehydrating_to && *record.rehydrating_to != *request.tier) {
    return Fail(Code::kBlobBeingRehydrated,
                "This operation is not permitted because the blob is being rehydrated.");
  }
  return {};
}

// Returns whether the blob leaves Archive. What a lake has archived leaves it there, which takes
// hours: until then it is archived here too.
bool SetTier(const UpdateBlobRequest& request, const meta::ContainerRecord& container, WallTime now,
             meta::BlobRecord& record) {
  const bool leaves_archive =
      record.tier == azure::AccessTier::kArchive && *request.tier != azure::AccessTier::kArchive;
  const bool in_lake = container.lake.travels() && record.lake && !record.lake->etag.empty();
  if (leaves_archive && in_lake) {
    record.rehydrating_to = *request.tier;
    record.rehydrate_priority = request.rehydrate_priority;
    return true;
  }
  // Setting the tier that it has does not restart the minimum stay.
  if (record.tier != *request.tier || record.tier_inferred) record.tier_changed = now;
  record.tier = *request.tier;
  record.tier_inferred = false;
  record.rehydrating_to.reset();
  record.rehydrate_priority = request.rehydrate_priority;
  return leaves_archive;
}

// One entry for each part: they are separate calls of the lake.
Result<> NoteUpdates(Services& services, kv::Transaction& txn, const Place& place,
                     const UpdateBlobRequest& request, meta::BlobRecord& record) {
  if (!place.container.lake.attached()) return {};
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  const std::pair<bool, meta::ChangeKind> parts[] = {
      {request.http.has_value(), meta::ChangeKind::kHeaders},
      {request.metadata.has_value(), meta::ChangeKind::kMetadata},
      {request.tags.has_value(), meta::ChangeKind::kTags},
      {request.tier.has_value(), meta::ChangeKind::kTier}};
  for (const auto& [changed, kind] : parts) {
    if (changed) FB_RETURN_IF_ERROR(NoteChange(services, txn, place, kind, mark, record));
  }
  return {};
}

struct Outcome {
  UpdateBlobResult result;
  // Set Blob Tier to Hot of a blob whose bytes are in the lake: they are wanted here.
  std::optional<meta::ContainerId> hydrate;
};

Result<Outcome> Update(Services& services, kv::Transaction& txn, const UpdateBlobRequest& request,
                       const Stamp& stamp) {
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, stamp.now));
  FB_RETURN_IF_ERROR(CheckNoPendingCopy(place));
  FB_RETURN_IF_ERROR(CheckState(request, *place.existing));
  Outcome outcome;
  UpdateBlobResult& result = outcome.result;
  meta::BlobRecord record = *place.existing;
  if (request.http) {
    record.http = *request.http;
    // From then on the blob is no longer shown as the copy that it was.
    record.copy = {};
  }
  if (request.metadata) record.metadata = *request.metadata;
  if (request.tags) {
    meta::ReindexTags(txn, place.container.id, place.name, record.tags, *request.tags);
    record.tags = *request.tags;
  }
  if (request.tier)
    result.rehydration_pending = SetTier(request, place.container, stamp.now, record);
  if (ChangesContentAttributes(request)) {
    record.etag = stamp.etag;
    record.modified = stamp.now;
  }
  result.changed = {azure::MakeETag(record.etag.value()), record.modified};
  FB_RETURN_IF_ERROR(NoteUpdates(services, txn, place, request, record));
  FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, place.name, record, services.ids));
  if (request.tier == azure::AccessTier::kHot && record.body.in_lake) {
    outcome.hydrate = place.container.id;
    txn.Put(meta::keys::Hydration(place.container.id, place.name),
            Encoder().U8(1).Signed(stamp.now.ticks).str());
  }
  return outcome;
}

}  // namespace

Task<UpdateBlobResult> UpdateBlob(Services& services, OpContext context,
                                  UpdateBlobRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  const Stamp stamp = MakeStamp(services);
  // Shared, because the store may still run the function when this coroutine is gone.
  const auto outcome = std::make_shared<Outcome>();
  const BlobTarget target = request.target;
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, target,
      [&services, request = std::move(request), stamp, outcome](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*outcome, Update(services, txn, request, stamp));
        return {};
      }));
  if (services.lake != nullptr && outcome->hydrate) {
    services.lake->HydrateSoon(*outcome->hydrate);
  }
  co_return std::move(outcome->result);
}

}  // namespace forebay::engine
