#include "tier/offload_log.h"

#include <algorithm>
#include <set>

#include "base/codec.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/pending_trees.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

ChangeParts PartsOf(meta::ChangeKind kind) {
  switch (kind) {
    case meta::ChangeKind::kHeaders:
    case meta::ChangeKind::kMetadata:
    case meta::ChangeKind::kAccess:
      return kAttributesPart;
    case meta::ChangeKind::kTags:
      return kTagsPart;
    case meta::ChangeKind::kTier:
      return kTierPart;
    default:
      return kContentPart;
  }
}

// All that is stored about a name; written back where it was changed.
struct NameState {
  std::string name;                        // empty: it went with a directory
  std::optional<PendingTrees::Gone> gone;  // then
  std::optional<meta::BlobRecord> record;
  std::optional<meta::NameNote> note;
  bool record_changed = false;
  bool note_changed = false;

  // The record's lake copy speaks of another name.
  bool moved_here() const { return record && record->lake && !record->lake->name.empty(); }
  std::string under() const {
    if (record && !moved_here()) return record->lake ? record->lake->etag : std::string();
    return note ? note->lake_etag : std::string();
  }
};

std::string NoteKeyOf(meta::ContainerId container, const NameState& state) {
  if (!state.gone) return keys::NameNote(container, state.name);
  return keys::GoneName(container, state.gone->holder, state.gone->name);
}

Result<NameState> LoadName(const kv::Reader& reader, const meta::ContainerRecord& container,
                           const std::string& said, std::uint64_t holder) {
  NameState state;
  state.name = said;
  if (container.hierarchical) {
    FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
    state.gone = trees.WentWith(said, holder);
    state.name = state.gone ? std::string() : trees.Here(said, holder);
  }
  if (!state.gone) {
    FB_ASSIGN_OR_RETURN(state.record,
                        meta::NamespaceOf(container).Find(reader, container.id, state.name));
  }
  FB_ASSIGN_OR_RETURN(auto note, reader.Get(NoteKeyOf(container.id, state)));
  if (note) {
    FB_ASSIGN_OR_RETURN(state.note, meta::DecodeNameNote(*note));
  }
  return state;
}

Result<> StoreName(engine::Services& services, kv::Transaction& txn,
                   const meta::ContainerRecord& container, const NameState& state) {
  if (state.note_changed) {
    const std::string key = NoteKeyOf(container.id, state);
    if (state.note) {
      txn.Put(key, meta::Encode(*state.note));
    } else {
      txn.Erase(key);
    }
  }
  if (!state.record_changed) return {};
  return meta::NamespaceOf(container).Put(txn, container.id, state.name, *state.record,
                                          services.ids);
}

bool IsUnbound(const meta::BlobRecord& record) {
  return record.body.in_lake && record.lake->etag == kUnboundETag;
}

// Of a file that moved there as it did here.
void SetETag(meta::BlobRecord& record, const FinishedWork& finished) {
  const bool unbound = finished.unbound && record.body.in_lake;
  if (!IsUnbound(record)) {
    record.lake->etag = unbound ? std::string(kUnboundETag) : finished.etag;
  }
  if (finished.body) record.lake->body = *finished.body;
}

// The lake has this under the name now.
void SetUnder(NameState& state, const std::string& etag, std::optional<meta::BodyId> body) {
  if (state.gone) {
    // Who deletes the directory there goes by it.
    state.note.emplace();
    state.note->kind = meta::NoteKind::kTombstone;
    state.note->lake_etag = etag;
    state.note_changed = true;
    return;
  }
  if (state.record && !state.moved_here()) {
    if (!state.record->lake) state.record->lake.emplace();
    // Nothing of it was to travel: it came from the lake meanwhile, and knows its own ETag. Another
    // one would bind the lake's newer bytes to its older body.
    if (state.record->lake->unsent == 0 || IsUnbound(*state.record)) return;
    meta::LakeCopy& copy = *state.record->lake;
    copy.etag = etag;
    if (body) copy.body = *body;
    if (etag.empty()) copy.body = {};
    state.record_changed = true;
    return;
  }
  if (!state.note && (!state.record || etag.empty())) return;
  if (!state.note) {
    // When the file was moved here, what it replaces was not in the lake yet.
    state.note.emplace();
    state.note->kind = meta::NoteKind::kReplaced;
    state.note->since = state.record->modified;
    state.note->unsent = state.record->lake->unsent;
  }
  state.note->lake_etag = etag;
  state.note_changed = true;
}

// A file came under this name in the lake as it did here.
void SetMovedTo(NameState& state, const std::string& from, const std::set<std::uint64_t>& holders,
                const FinishedWork& finished) {
  // A file that was moved more than once, or whose new bytes went up under the new name at once,
  // may still say a name before that.
  const std::vector<std::string>& gone = finished.work.gone;
  const bool it =
      state.moved_here() && (state.record->lake->name == from ||
                             std::ranges::find(gone, state.record->lake->name) != gone.end() ||
                             holders.contains(state.record->lake->unsent));
  if (!it) {
    SetUnder(state, finished.etag, finished.body);
    return;
  }
  state.record->lake->name.clear();
  SetETag(*state.record, finished);
  state.record_changed = true;
  if (state.note) {
    state.note.reset();
    state.note_changed = true;
  }
}

// Nothing of the name is in the log any more where its newest change was one of these.
void Settle(NameState& state, const std::set<std::uint64_t>& holders, bool importing) {
  if (state.record && state.record->lake && holders.contains(state.record->lake->unsent)) {
    state.record->lake->unsent = 0;
    state.record_changed = true;
  }
  if (!state.note || state.note->unsent == 0 || !holders.contains(state.note->unsent)) return;
  if (state.note->kind != meta::NoteKind::kTombstone) return;
  if (importing && !state.record) {
    // A page that was listed before must not bring the name back.
    state.note->unsent = 0;
  } else {
    state.note.reset();
  }
  state.note_changed = true;
}

Result<> Apply(engine::Services& services, kv::Transaction& txn,
               const meta::ContainerRecord& container, const FinishedWork& finished) {
  const ChangeWork& work = finished.work;
  std::set<std::string> names = {work.name};
  std::set<std::uint64_t> holders;
  for (const LoggedChangePtr& change : finished.changes) {
    names.insert(change->record.name);
    if (!change->record.from.empty()) names.insert(change->record.from);
    holders.insert(change->record.holder.value());
  }
  const bool renamed = work.kind == ChangeKind::kRename && work.from != work.name;
  const meta::ChangeRecord& last = finished.changes.back()->record;
  const std::uint64_t holder = last.holder.value();
  const std::string& emptied = last.kind == meta::ChangeKind::kDeleteTree ? last.name : last.from;
  for (const std::string& name : names) {
    FB_ASSIGN_OR_RETURN(NameState state, LoadName(txn, container, name, holder));
    if (work.kind == ChangeKind::kBarrier) {
      // What was put in the place of the directory meanwhile meets nothing of it there. What the
      // lake has under its new name was seen to when it moved (offload_trees.h).
      if (!state.gone && name == emptied) SetUnder(state, {}, std::nullopt);
    } else {
      const bool gone = std::ranges::find(work.gone, name) != work.gone.end();
      if (name == work.name) {
        if (!finished.left) SetMovedTo(state, work.from, holders, finished);
      } else if (!state.gone && (gone || (renamed && name == work.from))) {
        SetUnder(state, {}, std::nullopt);
      }
    }
    if (!state.gone) Settle(state, holders, container.lake.importing);
    FB_RETURN_IF_ERROR(StoreName(services, txn, container, state));
  }
  if (finished.moved_on_to.empty() || !renamed) return {};
  FB_ASSIGN_OR_RETURN(NameState state, LoadName(txn, container, finished.moved_on_to, holder));
  if (!state.moved_here() || state.record->lake->name != work.from) return {};
  state.record->lake->name = work.name == state.name ? "" : work.name;
  SetETag(*state.record, finished);
  state.record_changed = true;
  return StoreName(services, txn, container, state);
}

}  // namespace

Change OrderedChange(const LoggedChange& change) {
  Change out;
  out.number = change.number;
  out.mark = std::min(change.record.mark, change.number - 1);
  out.name = change.record.name;
  switch (change.record.kind) {
    case meta::ChangeKind::kDelete:
      out.kind = ChangeKind::kDelete;
      break;
    case meta::ChangeKind::kRename:
      out.kind = ChangeKind::kRename;
      out.from = change.record.from;
      break;
    case meta::ChangeKind::kRenameTree:
      out.from = change.record.from;
      [[fallthrough]];
    case meta::ChangeKind::kDeleteTree:
      out.kind = ChangeKind::kBarrier;
      break;
    default:
      out.kind = ChangeKind::kWrite;
      out.parts = PartsOf(change.record.kind);
      break;
  }
  return out;
}

bool HoldsBody(const meta::ChangeRecord& change) {
  const bool content =
      change.kind == meta::ChangeKind::kContent || change.kind == meta::ChangeKind::kRename;
  return content && change.blob.body.id.value() != 0 && !change.blob.body.in_lake;
}

Result<LogPage> ReadLog(const kv::Reader& reader, meta::ContainerId container,
                        const std::string& after, ChangeNumber next, std::size_t max) {
  LogPage page;
  const std::string prefix = keys::Changes(container);
  auto it = reader.Scan(after.empty() ? prefix : after + '\0', PrefixEnd(prefix));
  for (; it->Valid() && page.entries.size() < max; it->Next()) {
    auto change = std::make_shared<LoggedChange>();
    change->number = next++;
    change->key = it->key();
    FB_ASSIGN_OR_RETURN(change->record, meta::DecodeChange(it->value()));
    page.entries.push_back(std::move(change));
  }
  FB_RETURN_IF_ERROR(it->status());
  page.end = !it->Valid();
  return page;
}

Result<LogCounts> ReadCounts(const kv::Reader& reader, meta::ContainerId container) {
  LogCounts counts;
  FB_ASSIGN_OR_RETURN(auto noted, reader.Get(keys::ChangesNoted(container)));
  FB_ASSIGN_OR_RETURN(auto erased, reader.Get(keys::ChangesErased(container)));
  FB_ASSIGN_OR_RETURN(auto bytes, reader.Get(keys::ChangedBytes(container)));
  counts.noted = static_cast<std::uint64_t>(kv::CounterValue(noted));
  counts.erased = static_cast<std::uint64_t>(kv::CounterValue(erased));
  counts.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(kv::CounterValue(bytes), 0));
  return counts;
}

Result<KnownUnder> UnderName(const kv::Reader& reader, const meta::ContainerRecord& container,
                             const std::string& name, std::uint64_t holder) {
  FB_ASSIGN_OR_RETURN(const NameState state, LoadName(reader, container, name, holder));
  return KnownUnder{state.under(), state.gone.has_value()};
}

// False where a transaction whose answer was lost has stored it before.
Result<bool> IsWaiting(const kv::Reader& reader, const LoggedChange& change) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(change.key));
  if (!stored) return false;
  FB_ASSIGN_OR_RETURN(const meta::ChangeRecord record, meta::DecodeChange(*stored));
  return record.kind != meta::ChangeKind::kDone;
}

Result<> SettleName(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const std::string& name,
                    const std::vector<LoggedChangePtr>& changes) {
  std::set<std::uint64_t> holders;
  for (const LoggedChangePtr& change : changes) holders.insert(change->record.holder.value());
  FB_ASSIGN_OR_RETURN(NameState state, LoadName(txn, container, name, UINT64_MAX));
  Settle(state, holders, container.lake.importing);
  return StoreName(services, txn, container, state);
}

Result<> ReleaseHeld(engine::Services& services, kv::Transaction& txn,
                     const meta::ContainerRecord& container, const LoggedChange& change,
                     WallTime now) {
  FB_ASSIGN_OR_RETURN(const bool waiting, IsWaiting(txn, change));
  if (!waiting) return {};
  if (change.record.kind == meta::ChangeKind::kContent) {
    txn.Add(keys::ChangedBytes(container.id),
            -static_cast<std::int64_t>(change.record.blob.length));
  }
  if (!HoldsBody(change.record)) return {};
  meta::BlobRecord held = change.record.blob;
  held.id = change.record.holder;
  return engine::ReleaseBody(services.chunks, txn, held, now);
}

Result<> StoreFinished(engine::Services& services, kv::Transaction& txn,
                       const meta::ContainerRecord& container, const FinishedWork& finished,
                       WallTime now) {
  FB_ASSIGN_OR_RETURN(const bool waiting, IsWaiting(txn, *finished.changes.back()));
  if (!waiting) return {};
  FB_RETURN_IF_ERROR(Apply(services, txn, container, finished));
  if (finished.work.kind == ChangeKind::kBarrier) {
    const meta::BlobId holder = finished.changes.back()->record.holder;
    txn.Erase(keys::PendingTree(container.id, holder));
    const std::string gone = keys::GoneNames(container.id, holder);
    txn.DeleteRange(kv::Space::kMeta, gone, PrefixEnd(gone));
  }
  for (std::size_t i = finished.released; i < finished.changes.size(); ++i) {
    FB_RETURN_IF_ERROR(ReleaseHeld(services, txn, container, *finished.changes[i], now));
  }
  return {};
}

Result<> StoreUnder(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const std::string& name,
                    std::uint64_t holder, const std::string& etag) {
  FB_ASSIGN_OR_RETURN(NameState state, LoadName(txn, container, name, holder));
  SetUnder(state, etag, std::nullopt);
  return StoreName(services, txn, container, state);
}

Result<> StoreSource(engine::Services& services, kv::Transaction& txn,
                     const meta::ContainerRecord& container, const ChangeWork& work,
                     std::uint64_t holder, const std::string& etag) {
  FB_RETURN_IF_ERROR(StoreUnder(services, txn, container, work.from, holder, etag));
  FB_ASSIGN_OR_RETURN(NameState state, LoadName(txn, container, work.name, holder));
  if (!state.moved_here() || state.record->lake->name != work.from) return {};
  state.record->lake->etag = etag;
  state.record_changed = true;
  return StoreName(services, txn, container, state);
}

Result<std::uint64_t> NewestOf(const kv::Reader& reader, const meta::ContainerRecord& container,
                               const std::string& name, std::uint64_t holder) {
  FB_ASSIGN_OR_RETURN(const NameState state, LoadName(reader, container, name, holder));
  if (state.record) return state.record->lake ? state.record->lake->unsent : 0;
  return state.note ? state.note->unsent : 0;
}

Result<std::size_t> EraseEntries(kv::Transaction& txn, meta::ContainerId container,
                                 const std::vector<std::string>& entries) {
  std::size_t erased = 0;
  for (const std::string& key : entries) {
    FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
    if (!stored) continue;
    txn.Erase(key);
    ++erased;
  }
  if (erased > 0) txn.Add(keys::ChangesErased(container), static_cast<std::int64_t>(erased));
  return erased;
}

Result<> MarkDone(kv::Transaction& txn, const std::string& key) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};  // erased already
  meta::ChangeRecord done;
  done.kind = meta::ChangeKind::kDone;
  txn.Put(key, meta::Encode(done));
  return {};
}

}  // namespace forebay::tier
