#include "engine/put_blob.h"

#include "engine/acknowledge.h"
#include "engine/body_writer.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/look_up.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"

namespace forebay::engine {
namespace {

// Everything the commit needs, shared with a transaction function that may outlive its coroutine.
struct Commit {
  BlobTarget target;
  azure::Conditions conditions;
  bool make_directory = false;
  meta::BlobRecord record;
  StoredBody stored;
  bool prepared = false;
  std::optional<std::uint64_t> mark;  // where changes travel to a lake
};

Result<> CommitBlob(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, commit.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(place, commit.conditions, commit.record.modified));
  place.mark = commit.mark;
  meta::BlobRecord record = commit.record;
  if (commit.make_directory && place.container.hierarchical) {
    // A directory that is there keeps its inode, and with it what is in it.
    if (place.existing && !place.existing->directory) {
      return Fail(Code::kPathConflict, "A blob has this name; a directory cannot replace it.");
    }
    record.directory = place.existing ? place.existing->directory
                                      : std::optional(meta::InodeId(record.id.value()));
  }
  if (commit.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, record.body.id));
  } else {
    LinkWhole(services, txn, record.body.id, commit.stored);
  }
  return Replace(services, txn, place, std::move(record));
}

}  // namespace

Task<PutBlobResult> PutBlob(Services& services, OpContext context, PutBlobRequest request) {
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  // A large upload that cannot succeed is refused before its bytes are read.
  auto commit = std::make_shared<Commit>();
  FB_CO_RETURN_IF_ERROR(co_await ReadMeta(
      services,
      [&services, &request, &mark = commit->mark](const kv::Reader& reader) -> Result<> {
        FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, request.target));
        FB_RETURN_IF_ERROR(CheckWriteAt(place, request.conditions, services.clock.Now()));
        if (place.container.lake.attached()) {
          FB_ASSIGN_OR_RETURN(mark, ArrivalMark(reader, place.container));
        }
        return CheckReplaceable(place, request.copy.id);
      },
      context));
  FB_CO_ASSIGN_OR_RETURN(
      commit->stored,
      co_await StoreBodyIn(
          services, context, ContainerOf(request.target), request.body,
          {.max_bytes = kMaxPutBlobBytes, .expected = request.expected, .want_md5 = true}));
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t blob_id, services.ids.Next());
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t body_id, services.ids.Next());
  const Stamp stamp = MakeStamp(services);
  commit->target = std::move(request.target);
  commit->conditions = std::move(request.conditions);
  commit->make_directory = request.make_directory;
  commit->record = NewRecord(meta::BlobId(blob_id), request.attributes, stamp);
  commit->record.copy = std::move(request.copy);
  if (commit->record.http.content_md5.empty()) {
    commit->record.http.content_md5 = commit->stored.md5;
  }
  Describe(commit->stored, meta::BodyId(body_id), commit->record);
  commit->prepared = NeedsPreparing(services, commit->stored);
  if (commit->prepared) {
    FB_CO_RETURN_IF_ERROR(co_await PrepareStoredBody(services, context, commit->record.body.id,
                                                     {commit, &commit->stored}));
  }
  auto done = co_await services.store.Transact(
      [&services, commit](kv::Transaction& txn) { return CommitBlob(services, txn, *commit); });
  if (!done) {
    if (commit->prepared) (void)co_await AbandonPrepared(services, commit->record.body.id);
    co_return Fail(std::move(done.error()));
  }
  commit->stored.Linked(services.chunks);
  FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(services, context, commit->target));
  co_return PutBlobResult{ChangedBy(stamp), commit->stored.md5, commit->stored.crc64};
}

}  // namespace forebay::engine
