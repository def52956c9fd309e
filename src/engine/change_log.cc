#include "engine/change_log.h"

#include <functional>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;
using meta::ChangeKind;
using meta::NoteKind;

// Two keys each, in a transaction that holds a thousand.
constexpr std::size_t kNotesMoved = 300;

// Appends the entry, and lets it hold the body of its blob as long as it lies in the log.
Result<meta::BlobId> Append(Services& services, kv::Transaction& txn,
                            const meta::ContainerRecord& container, meta::ChangeRecord change) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  change.holder = meta::BlobId(id);
  const meta::BodyRef& body = change.blob.body;
  // A file that moves may have to go up under its new name.
  const bool content = change.kind == ChangeKind::kContent || change.kind == ChangeKind::kRename;
  if (content && body.id.value() != 0 && !body.in_lake) {
    ShareBody(txn, body.id, change.blob.id, change.holder);
  }
  if (change.kind == ChangeKind::kContent) {
    txn.Add(keys::ChangedBytes(container.id), static_cast<std::int64_t>(change.blob.length));
  }
  txn.Append(keys::Changes(container.id), meta::Encode(change));
  txn.Add(keys::ChangesNoted(container.id), 1);
  return change.holder;
}

Result<std::optional<meta::NameNote>> NoteOf(const kv::Reader& reader, const Place& place) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::NameNote(place.container.id, place.name)));
  if (!stored) return std::nullopt;
  FB_ASSIGN_OR_RETURN(meta::NameNote note, meta::DecodeNameNote(*stored));
  return note;
}

// What the lake has under the place's own name; without an ETag: nothing.
Result<meta::LakeCopy> CopyAt(const kv::Reader& reader, const Place& place) {
  const bool moved_here =
      place.existing && place.existing->lake && !place.existing->lake->name.empty();
  if (place.existing && !moved_here) return place.existing->lake.value_or(meta::LakeCopy{});
  meta::LakeCopy copy;
  FB_ASSIGN_OR_RETURN(const auto note, NoteOf(reader, place));
  if (note) {
    copy.etag = note->lake_etag;
    copy.name = note->lake_name;
  }
  return copy;
}

void PutNote(kv::Transaction& txn, const Place& place, NoteKind kind, std::string etag,
             WallTime since, meta::BlobId unsent) {
  meta::NameNote note;
  note.kind = kind;
  note.since = since;
  note.lake_etag = std::move(etag);
  note.unsent = unsent.value();
  txn.Put(keys::NameNote(place.container.id, place.name), meta::Encode(note));
}

// What is noted of names below a directory that moves goes with it, as its records do: who looks
// for it later knows the new names only. `key`: where the note of a name goes.
Result<> MoveNotes(kv::Transaction& txn, meta::ContainerId container, const std::string& from,
                   const std::function<std::string(const std::string& name)>& key) {
  const std::string below = from + "/";
  const std::string prefix = keys::NameNote(container, below);
  std::vector<std::pair<std::string, std::string>> notes;
  {
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      if (notes.size() == kNotesMoved) {
        return Fail(Code::kServerBusy,
                    "Many deletes below the directory have not reached the lake yet.");
      }
      notes.emplace_back(keys::NameOfNoteKey(it->key()), it->value());
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const auto& [name, note] : notes) {
    txn.Erase(keys::NameNote(container, name));
    txn.Put(key(name), note);
  }
  return {};
}

void PutTree(kv::Transaction& txn, const Place& place, const meta::TreeRecord& tree,
             meta::BlobId entry) {
  txn.Put(keys::PendingTree(place.container.id, entry), meta::Encode(tree));
}

// The entry is the newest change of the name, where something is noted of it.
Result<> NoteNewest(kv::Transaction& txn, const meta::ContainerRecord& container,
                    const std::string& name, meta::BlobId entry) {
  const std::string key = keys::NameNote(container.id, name);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::NameNote note, meta::DecodeNameNote(*stored));
  note.unsent = entry.value();
  txn.Put(key, meta::Encode(note));
  return {};
}

}  // namespace

Result<std::uint64_t> ArrivalMark(const kv::Reader& reader,
                                  const meta::ContainerRecord& container) {
  if (!container.lake.travels()) return 0;
  FB_ASSIGN_OR_RETURN(auto counter, reader.Get(keys::ChangesNoted(container.id)));
  return static_cast<std::uint64_t>(kv::CounterValue(counter));
}

Result<> NoteChange(Services& services, kv::Transaction& txn, const Place& place, ChangeKind kind,
                    std::uint64_t mark, meta::BlobRecord& record) {
  if (!place.container.lake.mirrors()) {
    // What is known of a body in the lake goes with it, and nothing is known there by name.
    if (!record.body.in_lake) record.lake.reset();
    return {};
  }
  const bool content = kind == ChangeKind::kContent;
  const bool moved_here =
      place.existing && place.existing->lake && !place.existing->lake->name.empty();
  // New bytes have nothing to do with what the lake has under another name; a change of what a blob
  // says about itself leaves its bytes where they are.
  meta::LakeCopy copy;
  if (moved_here && !content) {
    copy = *place.existing->lake;
  } else {
    FB_ASSIGN_OR_RETURN(copy, CopyAt(txn, place));
    if (moved_here || !place.existing) txn.Erase(keys::NameNote(place.container.id, place.name));
  }
  record.lake = std::move(copy);
  if (!place.container.lake.travels()) return {};
  meta::ChangeRecord change;
  change.kind = content && record.directory ? ChangeKind::kMakeDirectory : kind;
  change.name = place.name;
  change.mark = mark;
  change.blob = record;
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, place.container, std::move(change)));
  record.lake->unsent = entry.value();
  return {};
}

Result<> NoteDelete(Services& services, kv::Transaction& txn, const Place& place,
                    std::uint64_t mark, WallTime now, bool tree) {
  if (!place.container.lake.travels()) return {};
  meta::ChangeRecord change;
  change.kind = tree ? ChangeKind::kDeleteTree : ChangeKind::kDelete;
  change.name = place.name;
  change.mark = mark;
  change.blob = *place.existing;
  FB_ASSIGN_OR_RETURN(const meta::LakeCopy copy, CopyAt(txn, place));
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, place.container, std::move(change)));
  PutNote(txn, place, NoteKind::kTombstone, copy.etag, now, entry);
  if (!tree) return {};
  PutTree(txn, place, {.from = place.name, .name = {}}, entry);
  const meta::ContainerId container = place.container.id;
  txn.Put(keys::DetachedDirectory(container, *place.existing->directory),
          meta::Encode(meta::DetachedRecord{.holder = entry, .name = place.name, .after = {}}));
  return MoveNotes(txn, container, place.name,
                   [&](const std::string& name) { return keys::GoneName(container, entry, name); });
}

Result<> NoteRename(Services& services, kv::Transaction& txn, const Place& source,
                    const Place& target, std::uint64_t mark, WallTime now,
                    meta::BlobRecord& record) {
  if (!source.container.lake.travels()) return {};
  const bool tree = record.directory.has_value();
  FB_ASSIGN_OR_RETURN(const meta::LakeCopy from, CopyAt(txn, source));
  FB_ASSIGN_OR_RETURN(const meta::LakeCopy replaced, CopyAt(txn, target));
  meta::LakeCopy copy = source.existing->lake.value_or(meta::LakeCopy{});
  if (tree || copy.etag.empty()) {
    // What stands at the target there is what it has under that name: of a file nothing else is
    // known, and a directory's new name gets another one once it has moved there.
    copy = {.etag = replaced.etag, .name = {}, .body = {}, .unsent = 0};
  } else if (copy.name.empty()) {
    copy.name = source.name;
  }
  record.lake = copy;
  meta::ChangeRecord change;
  change.kind = tree ? ChangeKind::kRenameTree : ChangeKind::kRename;
  change.name = target.name;
  change.from = source.name;
  change.mark = mark;
  change.blob = record;
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, source.container, std::move(change)));
  record.lake->unsent = entry.value();
  PutNote(txn, source, NoteKind::kTombstone, from.etag, now, entry);
  if (tree) {
    PutTree(txn, source, {.from = source.name, .name = target.name}, entry);
    const auto moved = [&](const std::string& name) {
      return keys::NameNote(source.container.id, target.name + name.substr(source.name.size()));
    };
    FB_RETURN_IF_ERROR(MoveNotes(txn, source.container.id, source.name, moved));
  }
  if (!copy.name.empty() && !replaced.etag.empty()) {
    PutNote(txn, target, NoteKind::kReplaced, replaced.etag, now, entry);
  } else {
    txn.Erase(keys::NameNote(target.container.id, target.name));
  }
  return {};
}

Result<> NoteDeleteAgain(Services& services, kv::Transaction& txn,
                         const meta::ContainerRecord& container, const std::string& name,
                         std::uint64_t mark) {
  meta::ChangeRecord change;
  change.kind = ChangeKind::kDelete;
  change.name = name;
  change.mark = mark;
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, container, std::move(change)));
  return NoteNewest(txn, container, name, entry);
}

Result<> NoteRenameAgain(Services& services, kv::Transaction& txn,
                         const meta::ContainerRecord& container, const std::string& name,
                         const std::string& from, std::uint64_t mark, meta::BlobRecord& record) {
  meta::ChangeRecord change;
  change.kind = ChangeKind::kRename;
  change.name = name;
  change.from = from;
  change.blob = record;
  change.mark = mark;
  FB_ASSIGN_OR_RETURN(const meta::BlobId entry,
                      Append(services, txn, container, std::move(change)));
  record.lake->unsent = entry.value();
  FB_RETURN_IF_ERROR(NoteNewest(txn, container, from, entry));
  return NoteNewest(txn, container, name, entry);
}

}  // namespace forebay::engine
