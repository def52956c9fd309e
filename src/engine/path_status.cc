#include "engine/path_status.h"

#include <memory>

#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/get_container.h"
#include "engine/path_access.h"
#include "engine/read_gate.h"
#include "meta/hierarchy.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

std::unexpected<Error> NotHierarchical() {
  return Fail(Code::kHierarchicalNamespaceNotEnabled,
              "Hierarchical namespace is not enabled for this account.");
}

BlobTarget BlobOf(const PathTarget& target) {
  return {target.container.account, target.container.container, *target.path};
}

// The root directory as a path: it is as old as its container.
PathStatus RootStatus(const meta::ContainerRecord& container) {
  PathStatus status;
  status.hierarchical = container.hierarchical;
  status.record.directory = meta::kRootInode;
  status.record.created = container.created;
  status.record.modified = container.modified;
  status.record.etag = container.etag;
  status.access = RootAccessOf(container);
  return status;
}

Result<PathStatus> ReadStatus(const kv::Reader& reader, const PathTarget& target,
                              const azure::Conditions& conditions, WallTime now) {
  PathStatus status;
  if (!target.path) {
    FB_ASSIGN_OR_RETURN(
        const meta::ContainerRecord container,
        RequireContainer(reader, target.container.account.name, target.container.container));
    status = RootStatus(container);
  } else {
    FB_ASSIGN_OR_RETURN(Place place, RequireBlob(reader, BlobOf(target)));
    status.hierarchical = place.container.hierarchical;
    status.record = std::move(*place.existing);
    status.access = AccessOf(status.record);
    if (status.record.lake && !status.record.directory) {
      FB_ASSIGN_OR_RETURN(status.resident, ResidentOf(reader, status.record));
    }
    if (status.record.expires && *status.record.expires <= now) {
      return Fail(Code::kBlobNotFound, "The specified path does not exist.");
    }
  }
  FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(status.record.lease, conditions.lease_id,
                                             meta::LeasedThing::kBlob, now));
  if (!conditions.empty()) {
    FB_RETURN_IF_ERROR(azure::CheckRead(conditions, SubjectOf(status.record)));
  }
  return status;
}

Result<> Change(azure::AccessControl& access, const SetPathAccessRequest& request, bool directory) {
  if (request.owner) access.owner = *request.owner;
  if (request.group) access.group = *request.group;
  if (request.mode) azure::SetPermissions(access, *request.mode);
  if (request.acl.empty()) return {};
  return azure::SetAcl(access, request.acl, directory);
}

Result<Changed> SetRootAccess(kv::Transaction& txn, const SetPathAccessRequest& request) {
  const ContainerTarget& target = request.target.container;
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord record,
                      RequireContainer(txn, target.account.name, target.container));
  if (!record.hierarchical) return NotHierarchical();
  const azure::ConditionSubject subject = SubjectOf(record);
  FB_RETURN_IF_ERROR(azure::CheckWrite(request.conditions, &subject));
  azure::AccessControl access = RootAccessOf(record);
  FB_RETURN_IF_ERROR(Change(access, request, /*directory=*/true));
  record.root_access = StoredAccess(std::move(access), true);
  txn.Put(meta::keys::Container(target.account.name.view(), target.container.view()),
          meta::Encode(record));
  return Changed{subject.etag, subject.last_modified};
}

Result<Changed> SetAccess(Services& services, kv::Transaction& txn,
                          const SetPathAccessRequest& request, WallTime now) {
  if (!request.target.path) return SetRootAccess(txn, request);
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, BlobOf(request.target)));
  if (!place.container.hierarchical) return NotHierarchical();
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
  meta::BlobRecord record = *place.existing;
  const bool directory = record.directory.has_value();
  azure::AccessControl access = AccessOf(record);
  FB_RETURN_IF_ERROR(Change(access, request, directory));
  record.access = StoredAccess(std::move(access), directory);
  FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, place.name, record, services.ids));
  return Changed{azure::MakeETag(record.etag.value()), record.modified};
}

Result<Changed> SetProperties(Services& services, kv::Transaction& txn,
                              const SetPathPropertiesRequest& request, const Stamp& stamp) {
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, stamp.now));
  FB_RETURN_IF_ERROR(CheckReplaceable(place));
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  meta::BlobRecord record = *place.existing;
  record.metadata = request.metadata;
  request.http.ApplyTo(record.http);
  record.etag = stamp.etag;
  record.modified = stamp.now;
  for (const meta::ChangeKind kind : {meta::ChangeKind::kHeaders, meta::ChangeKind::kMetadata}) {
    FB_RETURN_IF_ERROR(NoteChange(services, txn, place, kind, mark, record));
  }
  FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, place.name, record, services.ids));
  return ChangedBy(stamp);
}

Result<Changed> SetExpiry(Services& services, kv::Transaction& txn,
                          const SetPathExpiryRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, request.target));
  if (!place.container.hierarchical) return NotHierarchical();
  FB_RETURN_IF_ERROR(RefuseWithLake(place.container));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
  meta::BlobRecord record = *place.existing;
  if (record.directory) return Fail(Code::kInvalidInput, "Only a file expires.");
  record.expires = request.expiry.Resolve(now, record.created);
  FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, place.name, record, services.ids));
  if (record.expires) {
    FB_RETURN_IF_ERROR(meta::NoteExpiry(txn, place.container.id, place.name, *record.expires));
  }
  return Changed{azure::MakeETag(record.etag.value()), record.modified};
}

}  // namespace

Task<PathStatus> GetPathStatus(Services& services, OpContext context, PathTarget target,
                               azure::Conditions conditions) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMeta(
      services,
      [target = std::move(target), conditions = std::move(conditions), now = services.clock.Now()](
          const kv::Reader& reader) { return ReadStatus(reader, target, conditions, now); },
      context);
}

Task<Changed> SetPathAccess(Services& services, OpContext context, SetPathAccessRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  if (request.mode && !request.acl.empty()) {
    co_return Fail(Code::kInvalidInput, "Permissions and an ACL cannot be set at once.");
  }
  const auto changed = std::make_shared<Changed>();
  FB_CO_RETURN_IF_ERROR(co_await TransactNamed(
      services, context,
      [&services, request = std::move(request), now = services.clock.Now(),
       changed](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*changed, SetAccess(services, txn, request, now));
        return {};
      }));
  co_return std::move(*changed);
}

Task<Changed> SetPathProperties(Services& services, OpContext context,
                                SetPathPropertiesRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  const auto changed = std::make_shared<Changed>();
  const BlobTarget target = request.target;
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, target,
      [&services, request = std::move(request), stamp = MakeStamp(services),
       changed](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*changed, SetProperties(services, txn, request, stamp));
        return {};
      }));
  co_return std::move(*changed);
}

Task<Changed> SetPathExpiry(Services& services, OpContext context, SetPathExpiryRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  const auto changed = std::make_shared<Changed>();
  FB_CO_RETURN_IF_ERROR(co_await TransactNamed(
      services, context,
      [&services, request = std::move(request), now = services.clock.Now(),
       changed](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*changed, SetExpiry(services, txn, request, now));
        return {};
      }));
  co_return std::move(*changed);
}

}  // namespace forebay::engine
