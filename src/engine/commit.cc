#include "engine/commit.h"

#include "engine/change_log.h"
#include "engine/get_container.h"
#include "engine/look_up.h"
#include "engine/path_access.h"
#include "engine/references.h"
#include "engine/release_node.h"
#include "meta/tag_index.h"

namespace forebay::engine {

Result<Place> FindPlace(const kv::Reader& reader, const BlobTarget& target) {
  // Made in its place, here and in RequireBlob: a place is large, and every read finds one.
  Result<Place> out(std::in_place);
  Place& place = *out;
  FB_ASSIGN_OR_RETURN(place.container,
                      RequireContainer(reader, target.account.name, target.container));
  FB_ASSIGN_OR_RETURN(place.name, place.names().Normalize(target.blob.view()));
  FB_ASSIGN_OR_RETURN(place.existing, place.names().Find(reader, place.container.id, place.name));
  if (!place.existing && place.container.lake.importing) {
    FB_RETURN_IF_ERROR(CheckAbsenceIsKnown(reader, place.container, place.name));
  }
  return out;
}

Result<Place> RequireBlob(const kv::Reader& reader, const BlobTarget& target) {
  Result<Place> out = FindPlace(reader, target);
  if (out && !out->existing) {
    out = Fail(Code::kBlobNotFound, "The specified blob does not exist.");
  }
  return out;
}

azure::ConditionSubject SubjectOf(const meta::BlobRecord& record) {
  return {azure::MakeETag(record.etag.value()), record.modified, &record.tags};
}

Result<> CheckMayChange(const meta::ContainerRecord& container) {
  if (container.lake.writable()) return {};
  return Fail(Code::kInsufficientAccountPermissions,
              "Write operations are not allowed: the container is attached to its lake read-only.");
}

Result<> CheckLeaseAt(const Place& place, const std::optional<std::string>& lease_id,
                      WallTime now) {
  FB_RETURN_IF_ERROR(CheckMayChange(place.container));
  static const meta::ResourceLease kNone;
  // No write but the copy's own gets past CheckReplaceable, and that one had the lease when it
  // began.
  if (place.existing && place.existing->copy.status == azure::CopyStatus::kPending) return {};
  return meta::CheckLeaseForWrite(place.existing ? place.existing->lease : kNone, lease_id,
                                  meta::LeasedThing::kBlob, now);
}

Result<> CheckWriteAt(const Place& place, const azure::Conditions& conditions, WallTime now) {
  FB_RETURN_IF_ERROR(CheckLeaseAt(place, conditions.lease_id, now));
  if (conditions.infinite_lease && conditions.lease_id && place.existing &&
      !place.existing->lease.infinite()) {
    return Fail(
        Code::kInfiniteLeaseRequired,
        "The lease ID matched, but the specified lease must be an infinite-duration lease.");
  }
  if (conditions.empty()) return {};
  if (!place.existing) return azure::CheckWrite(conditions, nullptr);
  const azure::ConditionSubject subject = SubjectOf(*place.existing);
  return azure::CheckWrite(conditions, &subject);
}

Result<> CheckNoPendingCopy(const Place& place) {
  if (!place.existing || place.existing->copy.status != azure::CopyStatus::kPending) return {};
  return Fail(Code::kPendingCopyOperation, "There is currently a pending copy operation.");
}

Result<> CheckReplaceable(const Place& place, std::string_view copy_id) {
  if (!place.existing) return {};
  const meta::BlobRecord& old = *place.existing;
  if (old.copy.status == azure::CopyStatus::kPending && old.copy.id == copy_id) return {};
  FB_RETURN_IF_ERROR(CheckNoPendingCopy(place));
  if (old.tier == azure::AccessTier::kArchive) {
    return Fail(Code::kBlobArchived, "This operation is not permitted on an archived blob.");
  }
  return {};
}

Stamp MakeStamp(Services& services) { return {services.clock.Now(), services.etags.Next()}; }

Changed ChangedBy(const Stamp& stamp) { return {azure::MakeETag(stamp.etag.value()), stamp.now}; }

meta::BlobRecord NewRecord(meta::BlobId id, const BlobAttributes& attributes, const Stamp& stamp) {
  meta::BlobRecord record;
  record.id = id;
  record.created = stamp.now;
  record.modified = stamp.now;
  record.etag = stamp.etag;
  record.http = attributes.http;
  record.metadata = attributes.metadata;
  record.tags = attributes.tags;
  if (attributes.tier) {
    record.tier = *attributes.tier;
    record.tier_inferred = false;
    record.tier_changed = stamp.now;
  }
  return record;
}

Result<> Replace(Services& services, kv::Transaction& txn, const Place& place,
                 meta::BlobRecord record, bool keep_staging) {
  const azure::Tags no_tags;
  if (place.existing) {
    const meta::BlobRecord& old = *place.existing;
    if (old.directory && !record.directory) {
      return Fail(Code::kPathConflict, "A directory has this name; a blob cannot replace it.");
    }
    FB_RETURN_IF_ERROR(CheckReplaceable(place, record.copy.id));
    if (old.directory) {
      record.node = old.node;
    } else {
      FB_RETURN_IF_ERROR(ReleaseName(services, txn, place.container.id, old, record.modified));
    }
    // Azure keeps the creation time of a blob that is overwritten.
    record.created = old.created;
    // And its tier, where the request names none.
    if (record.tier_inferred && !old.tier_inferred) {
      record.tier = old.tier;
      record.tier_inferred = false;
      record.tier_changed = old.tier_changed;
    }
    // A lease is on the name and outlives what it is put on; one that has ended is forgotten.
    if (old.lease.StateAt(record.modified) == azure::LeaseState::kLeased ||
        old.lease.StateAt(record.modified) == azure::LeaseState::kBreaking) {
      record.lease = old.lease;
    }
    if (!record.access) record.access = old.access;
  } else if (place.container.hierarchical) {
    FB_ASSIGN_OR_RETURN(const azure::AccessControl above,
                        MakeParents(services, txn, place, Stamp{record.modified, record.etag}));
    if (!record.access) {
      const bool directory = record.directory.has_value();
      record.access = StoredAccess(
          azure::InheritAccess(above, directory, std::nullopt, std::nullopt), directory);
    }
  }
  meta::ReindexTags(txn, place.container.id, place.name,
                    place.existing ? place.existing->tags : no_tags, record.tags);
  if (!keep_staging) {
    FB_RETURN_IF_ERROR(DropStaging(txn, place.container.id, place.name, record.modified));
  }
  if (place.container.lake.attached()) {
    std::uint64_t mark = place.mark.value_or(0);
    if (!place.mark) {
      FB_ASSIGN_OR_RETURN(mark, ArrivalMark(txn, place.container));
    }
    FB_RETURN_IF_ERROR(NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, record));
  }
  return place.names().Put(txn, place.container.id, place.name, record, services.ids);
}

}  // namespace forebay::engine
