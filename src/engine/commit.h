// What every commit of a blob has in common: the checks against what is there, the replacement of
// the record, and the tidying up of what it replaces. Inside a transaction.
#pragma once

#include <optional>
#include <string>

#include "azure/conditions.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"
#include "meta/namespace.h"
#include "meta/records.h"

namespace forebay::engine {

// The blob's place: its container, its name as the layout stores it, and what has the name now.
struct Place {
  meta::ContainerRecord container;
  std::string name;
  std::optional<meta::BlobRecord> existing;
  // engine/change_log.h: ArrivalMark, where it was taken before the transaction.
  std::optional<std::uint64_t> mark;

  const meta::Namespace& names() const { return meta::NamespaceOf(container); }
};

// kContainerNotFound, and the layout's errors for the name; kNameUnknown (engine/look_up.h).
Result<Place> FindPlace(const kv::Reader& reader, const BlobTarget& target);
// The same, and kBlobNotFound when nothing has the name.
Result<Place> RequireBlob(const kv::Reader& reader, const BlobTarget& target);

azure::ConditionSubject SubjectOf(const meta::BlobRecord& record);
// Whether clients may change blobs of the container: kInsufficientAccountPermissions while it is
// attached to a lake read-only.
Result<> CheckMayChange(const meta::ContainerRecord& container);
// The same, its lease, and the conditions of a write against what is there (may be nothing).
Result<> CheckWriteAt(const Place& place, const azure::Conditions& conditions, WallTime now);
// What a lease asks of a write: its id, while it runs. kLeaseIdMissing and the like.
Result<> CheckLeaseAt(const Place& place, const std::optional<std::string>& lease_id, WallTime now);
// No write changes a blob into which a copy is pending, but that copy's own end (`copy_id`):
// kPendingCopyOperation. A blob in Archive is not written over: kBlobArchived.
Result<> CheckNoPendingCopy(const Place& place);
Result<> CheckReplaceable(const Place& place, std::string_view copy_id = {});

// The stamp of a change: taken once an operation, before its transaction.
struct Stamp {
  WallTime now;
  meta::ETagNumber etag;
};
Stamp MakeStamp(Services& services);
Changed ChangedBy(const Stamp& stamp);

// A new record with the attributes and the stamp, and no body yet.
meta::BlobRecord NewRecord(meta::BlobId id, const BlobAttributes& attributes, const Stamp& stamp);

// Puts `record` (a new life of the blob) in the place: releases the body that it replaces, keeps
// the tag index, and drops uncommitted blocks unless `keep_staging`. A blob that was given no tier
// takes over that of the one it replaces. A directory stays a directory: kPathConflict when a blob
// would replace one; and the errors of CheckReplaceable.
Result<> Replace(Services& services, kv::Transaction& txn, const Place& place,
                 meta::BlobRecord record, bool keep_staging = false);

}  // namespace forebay::engine
