#include "tier/overflow_lost.h"

#include <memory>
#include <utility>

#include "engine/lake_objects.h"
#include "lake/failure.h"
#include "meta/namespace.h"
#include "tier/events.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

// True where the record still is what was read from: its bytes are gone.
Result<bool> NoteLost(engine::Services& services, kv::Transaction& txn,
                      const Attachment& attachment, const std::string& name,
                      const std::string& object, const std::string& etag) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, AttachedContainer(txn, attachment));
  FB_ASSIGN_OR_RETURN(const auto record,
                      meta::NamespaceOf(container).Find(txn, container.id, name));
  const auto body = engine::BodyOfLakeObject(object);
  if (!record || !body || record->body.id != *body || !record->body.in_lake) return false;
  FB_ASSIGN_OR_RETURN(const bool news, engine::MarkLakeObjectLost(txn, *body));
  if (news) {
    NoteEvent(txn, container.id,
              {.kind = EventKind::kLakeLost,
               .at = services.clock.Now(),
               .name = name,
               .other = object,
               .etag_before = etag,
               .text = "The lake does not have the object any more in which the bytes of this blob "
                       "were kept; what of them is not here cannot be read."});
  }
  return true;
}

}  // namespace

Task<> CheckObject(engine::Services& services, OpContext context, AttachmentPtr attachment,
                   std::string name, std::string object, std::string etag) {
  auto state = co_await attachment->lake->Head({context, lake::Cause::kReconcile},
                                               {.name = lake::BlobName(object)});
  if (!state && lake::Classify(state.error()) != lake::Failure::kNotFound) {
    co_return Fail(std::move(state.error()));
  }
  if (state && state->etag().str() == etag) {
    if (state->properties.tier != azure::AccessTier::kArchive) co_return Result<>{};
    co_return Fail(Code::kBlobArchived,
                   "The object with the blob's bytes was moved to the archive tier in the lake; "
                   "rehydrate it there.");
  }
  auto lost = std::make_shared<bool>(false);
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [&services, attachment, name, object, etag, lost](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*lost, NoteLost(services, txn, *attachment, name, object, etag));
        return {};
      }));
  if (!*lost) co_return Result<>{};
  co_return Fail(Code::kCorruption, "The lake has lost bytes of this blob that only it had.");
}

}  // namespace forebay::tier
