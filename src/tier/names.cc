#include "tier/names.h"

#include <algorithm>
#include <charconv>

#include "base/checksum.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/lake_records.h"
#include "meta/namespace.h"
#include "meta/tag_index.h"
#include "tier/conflict.h"
#include "tier/events.h"
#include "tier/pending_trees.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// Azure's ETags are numbers in hexadecimal; keeping them lets what a client remembers of the lake
// hold here. Others are hashed.
meta::ETagNumber NumberOf(const std::string& etag) {
  std::string_view digits = etag;
  if (digits.starts_with("0x") && digits.size() <= 18) {
    digits.remove_prefix(2);
    std::uint64_t number = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (error == std::errc() && end == digits.data() + digits.size()) {
      return meta::ETagNumber(number);
    }
  }
  return meta::ETagNumber(Crc64(AsBytes(etag)));
}

void CopyState(const lake::BlobProperties& from, meta::BlobRecord& to) {
  to.tier = from.tier;
  to.tier_inferred = from.tier_inferred;
  to.tier_changed = from.tier_changed;
  to.rehydrating_to = from.rehydrating_to;
  to.rehydrate_priority = from.rehydrate_priority;
}

// True when the lake says something about tier or archive that the record does not.
bool TierDiffers(const meta::BlobRecord& ours, const meta::BlobRecord& theirs) {
  return ours.tier != theirs.tier || ours.tier_inferred != theirs.tier_inferred ||
         ours.rehydrating_to != theirs.rehydrating_to;
}

Result<bool> HasTombstone(const kv::Reader& reader, const std::string& note_key, bool& noted) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(note_key));
  noted = stored.has_value();
  if (!stored) return false;
  FB_ASSIGN_OR_RETURN(const meta::NameNote note, meta::DecodeNameNote(*stored));
  return note.kind == meta::NoteKind::kTombstone;
}

Result<> PutName(engine::Services& services, kv::Transaction& txn,
                 const meta::ContainerRecord& container, const std::string& name,
                 const meta::BlobRecord* old, const meta::BlobRecord& record) {
  const azure::Tags no_tags;
  meta::ReindexTags(txn, container.id, name, old != nullptr ? old->tags : no_tags, record.tags);
  return meta::NamespaceOf(container).Put(txn, container.id, name, record, services.ids);
}

// What the tier's change means for who reads the blob, where it means something.
void NoteTier(const engine::Services& services, kv::Transaction& txn,
              const meta::ContainerRecord& container, const std::string& name,
              const meta::BlobRecord& ours, const meta::BlobRecord& theirs) {
  const bool was = ours.tier == azure::AccessTier::kArchive;
  const bool is = theirs.tier == azure::AccessTier::kArchive;
  if (was == is) return;
  NoteEvent(txn, container.id,
            {.kind = is ? EventKind::kLakeArchived : EventKind::kLakeRehydrated,
             .at = services.clock.Now(),
             .name = name,
             .etag_now = theirs.lake->etag,
             .text = is ? "The lake moved the blob to the archive; it cannot be read until it is "
                          "rehydrated."
                        : "The lake has rehydrated the blob; it can be read again."});
}

// The lake's content is what we know; what it says beside it may be new.
Result<NamesReport> FollowAttributes(engine::Services& services, kv::Transaction& txn,
                                     const meta::ContainerRecord& container,
                                     const IncomingName& incoming, const std::string& name,
                                     const meta::BlobRecord& ours, const meta::BlobRecord& theirs) {
  const bool tags = incoming.knows_tags && ours.tags != theirs.tags;
  if (!TierDiffers(ours, theirs) && !tags) return NamesReport{.kept = 1};
  meta::BlobRecord record = ours;
  record.tier = theirs.tier;
  record.tier_inferred = theirs.tier_inferred;
  record.tier_changed = theirs.tier_changed;
  record.rehydrating_to = theirs.rehydrating_to;
  record.rehydrate_priority = theirs.rehydrate_priority;
  if (tags) record.tags = theirs.tags;
  FB_RETURN_IF_ERROR(PutName(services, txn, container, name, &ours, record));
  NoteTier(services, txn, container, name, ours, theirs);
  return NamesReport{.kept = 1};
}

// A file stands where a directory is, or the other way round: listed, once.
Result<NamesReport> Refuse(const engine::Services& services, kv::Transaction& txn,
                           const meta::ContainerRecord& container, const IncomingName& incoming) {
  ConflictRecord conflict;
  conflict.kind = ConflictKind::kNameTaken;
  conflict.name = incoming.name;
  conflict.etag_now = incoming.record.lake->etag;
  conflict.at = services.clock.Now();
  conflict.length_there = incoming.record.length;
  conflict.modified_there = incoming.record.modified;
  FB_ASSIGN_OR_RETURN(const bool fresh, NoteConflict(txn, container.id, conflict));
  if (fresh) {
    NoteEvent(txn, container.id,
              {.kind = EventKind::kNameRefused,
               .at = conflict.at,
               .name = incoming.name,
               .etag_now = conflict.etag_now,
               .text = "The lake has a blob of this name; here a file and a directory cannot have "
                       "one name, so it is not shown."});
  }
  return NamesReport{.conflicts = 1};
}

// Decided for a name that has a record.
Result<NamesReport> Reconcile(engine::Services& services, kv::Transaction& txn,
                              const meta::ContainerRecord& container, const IncomingName& incoming,
                              const std::string& name, const meta::BlobRecord& ours,
                              const meta::BlobRecord& theirs) {
  const std::string known = ours.lake ? ours.lake->etag : std::string();
  if (incoming.expected && *incoming.expected != known) return NamesReport{.kept = 1};
  const bool pending = ours.lake && ours.lake->unsent != 0;
  if (ours.directory || theirs.directory) {
    const bool agree = ours.directory.has_value() == theirs.directory.has_value();
    if (agree || pending) return NamesReport{.kept = 1};
    return Refuse(services, txn, container, incoming);
  }
  if (ours.lake && known == theirs.lake->etag) {
    if (pending) return NamesReport{.kept = 1};
    return FollowAttributes(services, txn, container, incoming, name, ours, theirs);
  }
  if (pending || !ours.lake) return NamesReport{.conflicts = 1};
  if (!incoming.expected && container.lake.travels()) return NamesReport{.kept = 1};
  FB_RETURN_IF_ERROR(engine::ReleaseBody(services.chunks, txn, ours, services.clock.Now()));
  FB_RETURN_IF_ERROR(engine::DropAppends(txn, ours.id, services.clock.Now()));
  FB_RETURN_IF_ERROR(PutName(services, txn, container, name, &ours, theirs));
  if (!incoming.quiet) {
    NoteEvent(txn, container.id,
              {.kind = EventKind::kLakeChanged,
               .at = services.clock.Now(),
               .name = name,
               .etag_before = known,
               .etag_now = theirs.lake->etag,
               .text = "The blob changed in the lake; the new content is served from now on."});
  }
  NoteTier(services, txn, container, name, ours, theirs);
  return NamesReport{.replaced = 1};
}

// Rising names of a flat container, and neither a record nor a note from the first to the last.
Result<bool> AllAreNew(const kv::Reader& reader, const meta::ContainerRecord& container,
                       std::span<const IncomingName> names) {
  if (names.empty() || container.hierarchical) return false;
  const auto rises = [](const IncomingName& a, const IncomingName& b) { return a.name < b.name; };
  const bool rising = std::ranges::adjacent_find(names, [&](const auto& a, const auto& b) {
                        return !rises(a, b);
                      }) == names.end();
  const bool asked =
      std::ranges::any_of(names, [](const auto& n) { return n.expected.has_value(); });
  if (!rising || asked) return false;
  const std::string& last = names.back().name;
  const auto cursor = meta::NamespaceOf(container).List(reader, container.id, "");
  cursor->Seek(names.front().name);
  FB_RETURN_IF_ERROR(cursor->status());
  if (cursor->Valid() && cursor->name() <= last) return false;
  const auto note = reader.Scan(keys::NameNote(container.id, names.front().name),
                                keys::NameNote(container.id, last) + '\0');
  FB_RETURN_IF_ERROR(note->status());
  return !note->Valid();
}

Result<> AddNew(engine::Services& services, kv::Transaction& txn,
                const meta::ContainerRecord& container, const IncomingName& incoming) {
  if (!incoming.record.directory) {
    return PutName(services, txn, container, incoming.name, nullptr, incoming.record);
  }
  // What marks a directory in the lake is a blob like others here.
  meta::BlobRecord record = incoming.record;
  record.directory.reset();
  return PutName(services, txn, container, incoming.name, nullptr, record);
}

}  // namespace

void NamesReport::Add(const NamesReport& other) {
  added += other.added;
  replaced += other.replaced;
  kept += other.kept;
  deleted_here += other.deleted_here;
  conflicts += other.conflicts;
  added_bytes += other.added_bytes;
}

Result<IncomingName> Incoming(engine::Services& services, const lake::BlobState& state) {
  const lake::BlobProperties& properties = state.properties;
  FB_ASSIGN_OR_RETURN(const std::uint64_t blob_id, services.ids.Next());
  IncomingName incoming;
  incoming.name = state.name.str();
  meta::BlobRecord& record = incoming.record;
  record.id = meta::BlobId(blob_id);
  record.created = properties.created;
  record.modified = properties.last_modified;
  record.etag = NumberOf(state.etag().str());
  record.http = properties.http;
  record.metadata = state.metadata;
  if (state.tags) record.tags = *state.tags;
  incoming.knows_tags = state.tags.has_value();
  record.lake.emplace().etag = state.etag().str();
  if (state.directory) {
    record.directory = meta::InodeId(blob_id);
    return incoming;
  }
  record.length = state.length();
  record.copy = properties.copy;
  CopyState(properties, record);
  if (record.length > 0) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t body_id, services.ids.Next());
    record.body.id = meta::BodyId(body_id);
    record.body.in_lake = true;
    record.lake->body = record.body.id;
  }
  return incoming;
}

Result<NamesReport> ApplyName(engine::Services& services, kv::Transaction& txn,
                              const meta::ContainerRecord& container,
                              const IncomingName& incoming) {
  meta::BlobRecord record = incoming.record;
  // A flat layout has no directories: what marks one in the lake is a blob like others.
  if (!container.hierarchical) record.directory.reset();
  const meta::Namespace& names = meta::NamespaceOf(container);
  auto name = names.Normalize(incoming.name);
  if (!name) return Refuse(services, txn, container, incoming);
  FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(txn, container));
  // The lake has it under the name that its directory had; it is here under another, or not at all.
  if (trees.MovesAway(*name)) return NamesReport{.deleted_here = 1};
  FB_ASSIGN_OR_RETURN(auto existing, names.Find(txn, container.id, *name));
  if (existing) return Reconcile(services, txn, container, incoming, *name, *existing, record);
  // It was here when the lake was asked: deleted meanwhile.
  if (incoming.expected && !incoming.expected->empty()) return NamesReport{.kept = 1};
  const std::string note_key = keys::NameNote(container.id, *name);
  bool noted = false;
  FB_ASSIGN_OR_RETURN(const bool deleted, HasTombstone(txn, note_key, noted));
  if (deleted) return NamesReport{.deleted_here = 1};
  auto put = PutName(services, txn, container, *name, nullptr, record);
  if (!put && put.error().code() == Code::kPathConflict) {
    return Refuse(services, txn, container, incoming);
  }
  if (!put) return Fail(std::move(put.error()));
  if (noted) txn.Erase(note_key);
  return NamesReport{.added = 1, .added_bytes = record.length};
}

std::size_t KeysOfNew(const IncomingName& name) { return 1 + name.record.tags.size(); }

Result<NamesReport> ApplyNames(engine::Services& services, kv::Transaction& txn,
                               const meta::ContainerRecord& container,
                               std::span<const IncomingName> names) {
  FB_ASSIGN_OR_RETURN(const bool all_new, AllAreNew(txn, container, names));
  if (!all_new && names.size() > kNamesPerTransaction) {
    return Fail(Code::kLimitExceeded, "Some of the names are here already.");
  }
  NamesReport report;
  for (const IncomingName& incoming : names) {
    if (all_new) {
      FB_RETURN_IF_ERROR(AddNew(services, txn, container, incoming));
      report.Add({.added = 1, .added_bytes = incoming.record.length});
    } else {
      FB_ASSIGN_OR_RETURN(const NamesReport one, ApplyName(services, txn, container, incoming));
      report.Add(one);
    }
  }
  return report;
}

Result<bool> DropName(engine::Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, const std::string& name,
                      const std::string& etag, WallTime now, bool quiet) {
  const meta::Namespace& names = meta::NamespaceOf(container);
  FB_ASSIGN_OR_RETURN(auto existing, names.Find(txn, container.id, name));
  if (!existing || !existing->lake || existing->lake->etag != etag || existing->lake->unsent != 0) {
    return false;
  }
  FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(txn, container));
  if (trees.InLake(name) != name) return false;  // the lake has it under its former name
  auto erased = names.Erase(txn, container.id, name);
  if (!erased && erased.error().code() == Code::kDirectoryNotEmpty) return false;
  FB_RETURN_IF_ERROR(std::move(erased));
  FB_RETURN_IF_ERROR(engine::ReleaseBody(services.chunks, txn, *existing, now));
  FB_RETURN_IF_ERROR(engine::DropAppends(txn, existing->id, now));
  meta::UnindexTags(txn, container.id, name, existing->tags);
  if (!quiet) {
    NoteEvent(txn, container.id,
              {.kind = EventKind::kLakeDeleted,
               .at = now,
               .name = name,
               .etag_before = etag,
               .text = "The blob was deleted, or has expired, in the lake; it is gone here too."});
  }
  if (container.lake.importing) {
    meta::NameNote note;
    note.since = now;
    txn.Put(keys::NameNote(container.id, name), meta::Encode(note));
  }
  return true;
}

bool DiffersInLake(const meta::BlobRecord& ours, const lake::BlobState& theirs) {
  if (!ours.lake || ours.lake->etag != theirs.etag().str()) return true;
  if (ours.directory || theirs.directory) return false;
  const lake::BlobProperties& properties = theirs.properties;
  return ours.tier != properties.tier || ours.tier_inferred != properties.tier_inferred ||
         ours.rehydrating_to != properties.rehydrating_to ||
         (theirs.tags && *theirs.tags != ours.tags);
}

}  // namespace forebay::tier
