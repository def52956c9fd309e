#include "engine/rename_path.h"

#include <memory>

#include "azure/posix.h"
#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/path_access.h"
#include "engine/references.h"
#include "engine/remove_record.h"
#include "meta/hierarchy.h"
#include "meta/nodes.h"
#include "meta/tag_index.h"

namespace forebay::engine {
namespace {

struct Commit {
  RenamePathRequest request;
  WallTime now;
  Changed changed;
};

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

Result<> CheckSourceAt(const Place& source, const azure::Conditions& conditions, WallTime now) {
  if (!source.existing) {
    return Fail(Code::kSourcePathNotFound,
                "The source path for a rename operation does not exist.");
  }
  FB_RETURN_IF_ERROR(CheckLeaseAt(source, conditions.lease_id, now));
  if (!conditions.empty()) {
    FB_RETURN_IF_ERROR(azure::CheckSource(conditions, SubjectOf(*source.existing)));
  }
  // The copy's end looks for its blob by name.
  return CheckNoPendingCopy(source);
}

// The target's conditions; a lease there is broken by the rename unless an id is given.
Result<> CheckTargetAt(const Place& target, const azure::Conditions& conditions, WallTime now) {
  if (target.existing) {
    FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(target.existing->lease, conditions.lease_id,
                                               meta::LeasedThing::kBlob, now));
  }
  if (!conditions.empty()) {
    std::optional<azure::ConditionSubject> subject;
    if (target.existing) subject = SubjectOf(*target.existing);
    FB_RETURN_IF_ERROR(azure::CheckWrite(conditions, subject ? &*subject : nullptr));
  }
  return CheckNoPendingCopy(target);
}

// What the names alone say, and what stands at the target.
Result<> CheckPaths(const kv::Reader& reader, const Place& source, const Place& target) {
  const bool directory = source.existing->directory.has_value();
  if (source.container.id == target.container.id && IsBelow(target.name, source.name)) {
    return Fail(Code::kInvalidRenameSourcePath, "A path cannot be moved into itself.");
  }
  if (directory && source.container.id != target.container.id) {
    return Fail(Code::kUnsupported, "A directory stays in its file system.");
  }
  if (directory) FB_RETURN_IF_ERROR(CheckNamesAreHere(source.container));
  const meta::NodeState& node = source.existing->node;
  if (source.container.id != target.container.id && (node.apart || node.attributes)) {
    return Fail(Code::kUnsupported,
                "A file with several names or extended attributes stays in its file system.");
  }
  FB_ASSIGN_OR_RETURN(auto key, meta::EntryKeyOf(reader, target.container.id, target.name));
  if (!key) {
    return Fail(Code::kRenameDestinationParentPathNotFound,
                "The parent directory of the destination path does not exist.");
  }
  if (target.existing && target.existing->directory.has_value() != directory) {
    return Fail(Code::kInvalidSourceOrDestinationResourceType,
                "The source and destination resource type must be identical.");
  }
  return {};
}

// What a lake is told: a move within its container, else that one blob went and another came.
Result<> NoteMove(Services& services, kv::Transaction& txn, const Place& source,
                  const Place& target, bool new_metadata, WallTime now, meta::BlobRecord& record) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t from_mark, ArrivalMark(txn, source.container));
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, target.container));
  if (source.container.id != target.container.id) {
    if (source.container.lake.attached() && record.body.in_lake) {
      return Fail(Code::kUnsupported,
                  "A file whose bytes only its lake has stays in its container.");
    }
    FB_RETURN_IF_ERROR(NoteDelete(services, txn, source, from_mark, now));
    record.lake.reset();
    return NoteChange(services, txn, target, meta::ChangeKind::kContent, mark, record);
  }
  FB_RETURN_IF_ERROR(NoteRename(services, txn, source, target, mark, now, record));
  if (!new_metadata) return {};
  const Place moved{target.container, target.name, record, {}};
  return NoteChange(services, txn, moved, meta::ChangeKind::kMetadata, mark, record);
}

Result<> Move(Services& services, kv::Transaction& txn, const Place& source, const Place& target,
              meta::BlobRecord record, bool new_metadata, WallTime now) {
  FB_RETURN_IF_ERROR(NoteMove(services, txn, source, target, new_metadata, now, record));
  if (target.existing) {
    FB_RETURN_IF_ERROR(
        RemoveRecord(services, txn, target.container, target.name, *target.existing, now));
    // Two names of one file, which has one less now.
    if (meta::InodeOf(*target.existing) == meta::InodeOf(record)) --record.node.links;
  }
  // What was staged for the name by Put Block stays with nobody.
  FB_RETURN_IF_ERROR(DropStaging(txn, source.container.id, source.name, now));
  const azure::Tags tags = record.tags;
  meta::UnindexTags(txn, source.container.id, source.name, tags);
  meta::ReindexTags(txn, target.container.id, target.name, {}, tags);
  if (!source.container.hierarchical) {
    FB_RETURN_IF_ERROR(source.names().Erase(txn, source.container.id, source.name));
    return target.names().Put(txn, target.container.id, target.name, record, services.ids);
  }
  FB_RETURN_IF_ERROR(meta::MoveEntry(
      txn, {source.container.id, source.name, target.container.id, target.name, now}, record));
  if (!record.expires) return {};
  return meta::NoteExpiry(txn, target.container.id, target.name, *record.expires);
}

// A flat account has no directories to move; "below" it would be a rename of many blobs.
Result<> CheckFlat(const kv::Reader& reader, const Place& source) {
  const std::string below = source.name + "/";
  const auto cursor = source.names().List(reader, source.container.id, below);
  if (cursor->Valid()) {
    return Fail(Code::kUnsupported, "Directories are renamed on hierarchical accounts only.");
  }
  return cursor->status();
}

Result<> Rename(Services& services, kv::Transaction& txn, Commit& commit) {
  const RenamePathRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(const Place source, FindPlace(txn, request.source));
  FB_ASSIGN_OR_RETURN(const Place target, FindPlace(txn, request.target));
  FB_RETURN_IF_ERROR(CheckMayChange(source.container));
  FB_RETURN_IF_ERROR(CheckMayChange(target.container));
  FB_RETURN_IF_ERROR(CheckSourceAt(source, request.source_conditions, commit.now));
  FB_RETURN_IF_ERROR(CheckTargetAt(target, request.conditions, commit.now));
  meta::BlobRecord record = *source.existing;
  if (request.file_only && record.directory) {
    return Fail(Code::kAuthorizationFailure,
                "This request is not authorized to perform this operation.");
  }
  commit.changed = {azure::MakeETag(record.etag.value()), record.modified};
  const bool same = source.container.id == target.container.id && source.name == target.name;
  if (same && record.directory) {
    return Fail(Code::kInvalidRenameSourcePath,
                "The source directory cannot be the same as the destination directory.");
  }
  if (request.metadata) record.metadata = *request.metadata;
  if (same) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, target.container));
    FB_RETURN_IF_ERROR(
        NoteChange(services, txn, target, meta::ChangeKind::kMetadata, mark, record));
    return target.names().Put(txn, target.container.id, target.name, record, services.ids);
  }
  if (source.container.hierarchical) {
    FB_RETURN_IF_ERROR(CheckPaths(txn, source, target));
  } else {
    FB_RETURN_IF_ERROR(CheckFlat(txn, source));
  }
  azure::TouchChanged(meta::Nanoseconds(commit.now), record.metadata);
  return Move(services, txn, source, target, std::move(record), request.metadata.has_value(),
              commit.now);
}

}  // namespace

Task<Changed> RenamePath(Services& services, OpContext context, RenamePathRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  auto commit = std::make_shared<Commit>();
  commit->request = std::move(request);
  commit->now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, commit->request.target,
      [&services, commit](kv::Transaction& txn) { return Rename(services, txn, *commit); }));
  const RenamePathRequest& done = commit->request;
  if (done.source.container != done.target.container) {
    // Between two containers it is a delete in one of them.
    FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(services, context, done.source));
  }
  co_return std::move(commit->changed);
}

}  // namespace forebay::engine
