#include "engine/delete_path.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "engine/acknowledge.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/look_up.h"
#include "engine/path_access.h"
#include "engine/remove_record.h"
#include "meta/hierarchy.h"

namespace forebay::engine {
namespace {

// Each may write a few keys; a transaction holds a thousand.
constexpr std::size_t kBlobsPerTransaction = 60;

struct Step {
  std::vector<std::string> removed;
  std::string next;  // the first name left; empty: none
};

Result<> DeleteOne(Services& services, kv::Transaction& txn, const DeletePathRequest& request,
                   WallTime now) {
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, now));
  FB_RETURN_IF_ERROR(CheckNoPendingCopy(place));
  const meta::BlobRecord& record = *place.existing;
  const bool tree = record.directory && request.recursive;
  // What has not come in yet is below it all the same.
  if (record.directory) FB_RETURN_IF_ERROR(CheckNamesAreHere(place.container));
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  FB_RETURN_IF_ERROR(NoteDelete(services, txn, place, mark, now, tree));
  if (tree) {
    txn.MakesRoom();
    FB_RETURN_IF_ERROR(meta::TouchParent(txn, place.container.id, place.name, now));
    return meta::DetachDirectory(txn, place.container.id, place.name, *record.directory);
  }
  return RemoveRecord(services, txn, place.container, place.name, record, now);
}

// Whether a blob that the request does not name may be deleted with what is above it: its lease
// holds it, for the id in the request is that of the path.
Result<> CheckMayGo(const Place& place, WallTime now) {
  FB_RETURN_IF_ERROR(CheckLeaseAt(place, std::nullopt, now));
  return CheckNoPendingCopy(place);
}

// Some of the blobs below a "directory" of a flat account.
Result<Step> DeleteSome(Services& services, kv::Transaction& txn, const DeletePathRequest& request,
                        WallTime now) {
  FB_ASSIGN_OR_RETURN(const Place place, FindPlace(txn, request.target));
  FB_RETURN_IF_ERROR(CheckMayChange(place.container));
  FB_RETURN_IF_ERROR(CheckNamesAreHere(place.container));
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, place.container));
  Step step;
  std::vector<std::pair<std::string, meta::BlobRecord>> doomed;
  {
    const auto cursor = place.names().List(txn, place.container.id, place.name + "/");
    if (!request.start.empty()) cursor->Seek(request.start);
    for (; cursor->Valid(); cursor->Next()) {
      if (doomed.size() == kBlobsPerTransaction) {
        step.next = cursor->name();
        break;
      }
      FB_ASSIGN_OR_RETURN(meta::BlobRecord record, cursor->record());
      FB_RETURN_IF_ERROR(CheckMayGo({place.container, cursor->name(), record, {}}, now));
      doomed.emplace_back(cursor->name(), std::move(record));
    }
    FB_RETURN_IF_ERROR(cursor->status());
  }
  for (const auto& [name, record] : doomed) {
    FB_RETURN_IF_ERROR(NoteDelete(services, txn, {place.container, name, record, {}}, mark, now));
    FB_RETURN_IF_ERROR(RemoveRecord(services, txn, place.container, name, record, now));
    step.removed.push_back(name);
  }
  return step;
}

Task<DeletePathResult> DeleteFlat(Services& services, OpContext context, DeletePathRequest request,
                                  WallTime now) {
  DeletePathResult result;
  std::vector<std::string> removed;
  auto shared = std::make_shared<DeletePathRequest>(request);
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto step = std::make_shared<Step>();
    FB_CO_RETURN_IF_ERROR(co_await TransactNamed(
        services, context, [&services, shared, step, now](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(*step, DeleteSome(services, txn, *shared, now));
          return {};
        }));
    std::ranges::move(step->removed, std::back_inserter(removed));
    if (step->next.empty()) break;
    shared = std::make_shared<DeletePathRequest>(*shared);
    shared->start = step->next;
    if (removed.size() >= request.max_records) {
      result.next = step->next;
      break;
    }
  }
  const bool something = !removed.empty() || !request.start.empty();
  FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(services, context, ContainerOf(request.target),
                                                   std::move(removed)));
  if (!result.next.empty()) co_return result;
  // The directory's own marker, if it has one, goes last.
  auto done = co_await TransactAcknowledged(services, context, shared->target,
                                            [&services, shared, now](kv::Transaction& txn) {
                                              return DeleteOne(services, txn, *shared, now);
                                            });
  if (!done && !(something && done.error().code() == Code::kBlobNotFound)) {
    co_return Fail(std::move(done.error()));
  }
  co_return result;
}

// Without `recursive` a directory of a flat account must have nothing below it.
Result<> CheckEmpty(const kv::Reader& reader, const Place& place) {
  const auto cursor = place.names().List(reader, place.container.id, place.name + "/");
  if (cursor->Valid()) {
    return Fail(Code::kDirectoryNotEmpty,
                "The recursive query parameter value must be true to delete a non-empty "
                "directory.");
  }
  return cursor->status();
}

bool IsMarker(const meta::BlobRecord& record) {
  for (const auto& [name, value] : record.metadata) {
    if (name == "hdi_isfolder") return value == "true";
  }
  return false;
}

}  // namespace

Task<DeletePathResult> DeletePath(Services& services, OpContext context,
                                  DeletePathRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  const WallTime now = services.clock.Now();
  if (request.recursive && !request.target.account.hierarchical) {
    co_return co_await DeleteFlat(services, std::move(context), std::move(request), now);
  }
  auto shared = std::make_shared<const DeletePathRequest>(std::move(request));
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, shared->target,
      [&services, shared, now](kv::Transaction& txn) -> Result<> {
        if (!shared->target.account.hierarchical) {
          FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, shared->target));
          if (IsMarker(*place.existing)) FB_RETURN_IF_ERROR(CheckEmpty(txn, place));
        }
        return DeleteOne(services, txn, *shared, now);
      }));
  co_return DeletePathResult();
}

}  // namespace forebay::engine
