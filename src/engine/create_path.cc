#include "engine/create_path.h"

#include <memory>

#include "engine/acknowledge.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/path_access.h"
#include "meta/hierarchy.h"

namespace forebay::engine {
namespace {

struct Commit {
  CreatePathRequest request;
  Stamp stamp;
  meta::BlobId id;
};

Result<> GiveAccess(Services& services, kv::Transaction& txn, const Place& place,
                    const Commit& commit, meta::BlobRecord& record) {
  const CreatePathRequest& request = commit.request;
  if (place.existing && !request.has_access()) return {};  // Replace keeps what there is
  FB_ASSIGN_OR_RETURN(const azure::AccessControl above,
                      MakeParents(services, txn, place, commit.stamp));
  azure::AccessControl access =
      azure::InheritAccess(above, request.directory, request.mode, request.umask);
  if (!request.acl.empty()) {
    FB_RETURN_IF_ERROR(azure::SetAcl(access, request.acl, request.directory));
  }
  if (!request.owner.empty()) access.owner = request.owner;
  if (!request.group.empty()) access.group = request.group;
  // Set even where it is the default, so that what is replaced does not lend its own.
  record.access = std::move(access);
  return {};
}

Result<> CreateFlat(Services& services, kv::Transaction& txn, const Place& place,
                    const Commit& commit, meta::BlobRecord record) {
  if (commit.request.has_access() || commit.request.expiry.from != ExpiryRequest::From::kNever) {
    return Fail(Code::kHierarchicalNamespaceNotEnabled,
                "Hierarchical namespace is not enabled for this account.");
  }
  if (commit.request.directory) record.metadata.emplace_back("hdi_isfolder", "true");
  return Replace(services, txn, place, std::move(record));
}

Result<> Create(Services& services, kv::Transaction& txn, const Commit& commit) {
  const CreatePathRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, commit.stamp.now));
  meta::BlobRecord record = NewRecord(commit.id, request.attributes, commit.stamp);
  if (!request.proposed_lease_id.empty()) {
    FB_RETURN_IF_ERROR(meta::AcquireResourceLease(record.lease, request.proposed_lease_id,
                                                  request.lease_seconds, commit.stamp.now));
  }
  if (!place.container.hierarchical) {
    return CreateFlat(services, txn, place, commit, std::move(record));
  }
  if (place.existing && place.existing->directory.has_value() != request.directory) {
    return Fail(Code::kPathConflict,
                "The specified path exists and its resource type is invalid for this operation.");
  }
  if (request.directory) {
    record.directory =
        place.existing ? place.existing->directory : meta::InodeId(commit.id.value());
  }
  FB_RETURN_IF_ERROR(GiveAccess(services, txn, place, commit, record));
  record.expires = request.expiry.Resolve(commit.stamp.now, commit.stamp.now);
  // The sweeper takes it without a word to the lake.
  if (record.expires) FB_RETURN_IF_ERROR(RefuseWithLake(place.container));
  const std::optional<WallTime> expires = record.expires;
  FB_RETURN_IF_ERROR(Replace(services, txn, place, std::move(record)));
  if (!expires) return {};
  return meta::NoteExpiry(txn, place.container.id, place.name, *expires);
}

}  // namespace

std::optional<WallTime> ExpiryRequest::Resolve(WallTime now, WallTime created) const {
  switch (from) {
    case From::kNever:
      return std::nullopt;
    case From::kNow:
      return now + after;
    case From::kCreation:
      return created + after;
    case From::kAbsolute:
      return at;
  }
  return std::nullopt;
}

Task<Changed> CreatePath(Services& services, OpContext context, CreatePathRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  if (request.directory && request.expiry.from != ExpiryRequest::From::kNever) {
    co_return Fail(Code::kInvalidInput, "Only a file expires.");
  }
  FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, ContainerOf(request.target)));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  auto commit = std::make_shared<Commit>();
  commit->request = std::move(request);
  commit->stamp = MakeStamp(services);
  commit->id = meta::BlobId(id);
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, commit->request.target,
      [&services, commit](kv::Transaction& txn) { return Create(services, txn, *commit); }));
  co_return ChangedBy(commit->stamp);
}

}  // namespace forebay::engine
