// What operators ask for about conflicts (tier/conflict_settle.h).
#include "engine/copy_blob.h"
#include "engine/delete_blob.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "tier/conflict_settle.h"
#include "tier/events.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

Result<ConflictRecord> Load(const kv::Reader& reader, meta::ContainerId container,
                            std::uint64_t id) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::LakeConflict(container, id)));
  if (stored) {
    FB_ASSIGN_OR_RETURN(ConflictRecord record, DecodeConflict(*stored));
    if (record.outcome != ConflictOutcome::kDismissed) return record;
  }
  return Fail(Code::kResourceNotFound, "There is no such conflict.");
}

Task<> TakeOffList(engine::Services& services, AttachmentPtr attachment, std::uint64_t id,
                   std::string text) {
  co_return co_await services.store.Transact(
      [&services, container = attachment->container, id, text](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(ConflictRecord record, Load(txn, container, id));
        NoteEvent(txn, container,
                  {.kind = EventKind::kConflictSettled,
                   .at = services.clock.Now(),
                   .name = record.name,
                   .other = record.kept_as,
                   .etag_before = record.etag_before,
                   .etag_now = record.etag_now,
                   .text = text});
        record.outcome = ConflictOutcome::kDismissed;
        record.record_here.clear();
        txn.Put(keys::LakeConflict(container, id), Encode(record));
        return {};
      });
}

}  // namespace

Task<ConflictPage> Conflicts(engine::Services& services, OpContext context,
                             meta::ContainerId container, std::uint64_t after, std::size_t max) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await engine::ReadMeta(services, [=](const kv::Reader& reader) {
    return ListConflicts(reader, container, after, max);
  });
}

Task<> DismissConflict(engine::Services& services, OpContext context, AttachmentPtr attachment,
                       std::uint64_t id) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await TakeOffList(services, std::move(attachment), id,
                                 "An operator has taken it off the list.");
}

Task<> ResolveConflict(engine::Services& services, OpContext context, AttachmentPtr attachment,
                       std::uint64_t id, ConflictChoice choice) {
  FB_CO_ASSIGN_OR_RETURN(
      const ConflictRecord record,
      co_await engine::ReadMeta(services,
                                [id, container = attachment->container](const kv::Reader& reader) {
                                  return Load(reader, container, id);
                                }));
  if (record.outcome != ConflictOutcome::kKeptBoth) {
    co_return Fail(Code::kUnsupported,
                   "Only one side of this conflict is left; it can be dismissed.");
  }
  const engine::BlobTarget kept = TargetOf(*attachment, record.kept_as);
  if (choice == ConflictChoice::kOurs) {
    engine::CopyBlobRequest copy;
    copy.source = kept;
    copy.target = TargetOf(*attachment, record.name);
    copy.copy_tags = true;
    FB_CO_RETURN_IF_ERROR(co_await engine::CopyBlob(services, context, std::move(copy)));
  }
  auto deleted = co_await engine::DeleteBlob(services, context, {.target = kept, .conditions = {}});
  // Somebody has done it, or a former try.
  if (!deleted && deleted.error().code() != Code::kBlobNotFound) co_return deleted;
  co_return co_await TakeOffList(services, std::move(attachment), id,
                                 choice == ConflictChoice::kOurs
                                     ? "An operator put ours back under the name."
                                     : "An operator kept theirs; ours was deleted.");
}

}  // namespace forebay::tier
