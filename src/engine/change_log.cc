#include "engine/change_log.h"

#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Appends the entry, and lets it hold the body of `blob` as long as it lies in the log.
Result<meta::BlobId> Append(Services& services, kv::Transaction& txn, const Place& place,
                            meta::ChangeKind kind, std::uint64_t mark,
                            const meta::BlobRecord& blob) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  meta::ChangeRecord change;
  change.kind = kind;
  change.name = place.name;
  change.mark = mark;
  change.holder = meta::BlobId(id);
  change.blob = blob;
  if (kind == meta::ChangeKind::kContent && blob.body.id.value() != 0) {
    ShareBody(txn, blob.body.id, blob.id, change.holder);
  }
  txn.Append(keys::Changes(place.container.id), meta::Encode(change));
  txn.Add(keys::ChangesNoted(place.container.id), 1);
  return change.holder;
}

// What the lake has under the name, as far as it is known here.
Result<meta::LakeCopy> CopyAt(const kv::Reader& reader, const Place& place) {
  if (place.existing) return place.existing->lake.value_or(meta::LakeCopy{});
  meta::LakeCopy copy;
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::NameNote(place.container.id, place.name)));
  if (!stored) return copy;
  FB_ASSIGN_OR_RETURN(const meta::NameNote note, meta::DecodeNameNote(*stored));
  copy.etag = note.lake_etag;
  copy.name = note.lake_name;
  return copy;
}

}  // namespace

Result<std::uint64_t> ArrivalMark(const kv::Reader& reader,
                                  const meta::ContainerRecord& container) {
  if (!container.lake.travels()) return 0;
  FB_ASSIGN_OR_RETURN(auto counter, reader.Get(keys::ChangesNoted(container.id)));
  return static_cast<std::uint64_t>(kv::CounterValue(counter));
}

Result<> NoteChange(Services& services, kv::Transaction& txn, const Place& place,
                    meta::ChangeKind kind, std::uint64_t mark, meta::BlobRecord& record) {
  if (!place.container.lake.attached()) return {};
  FB_ASSIGN_OR_RETURN(meta::LakeCopy copy, CopyAt(txn, place));
  if (!place.existing) txn.Erase(keys::NameNote(place.container.id, place.name));
  record.lake = std::move(copy);
  if (!place.container.lake.travels()) return {};
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry, Append(services, txn, place, kind, mark, record));
  record.lake->unsent = entry.value();
  return {};
}

Result<> NoteDelete(Services& services, kv::Transaction& txn, const Place& place,
                    std::uint64_t mark, WallTime now) {
  if (!place.container.lake.travels()) return {};
  const meta::BlobRecord& old = *place.existing;
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, place, meta::ChangeKind::kDelete, mark, old));
  meta::NameNote note;
  note.kind = meta::NoteKind::kTombstone;
  note.since = now;
  if (old.lake) {
    note.lake_name = old.lake->name;
    note.lake_etag = old.lake->etag;
  }
  note.unsent = entry.value();
  txn.Put(keys::NameNote(place.container.id, place.name), meta::Encode(note));
  return {};
}

}  // namespace forebay::engine
