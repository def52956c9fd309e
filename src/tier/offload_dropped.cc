#include "tier/offload_dropped.h"

#include <algorithm>
#include <ranges>

#include "engine/bring_here.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/conflict.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// Names are of now: no directory has moved since.
constexpr std::uint64_t kNow = UINT64_MAX;

bool IsTree(meta::ChangeKind kind) {
  return kind == meta::ChangeKind::kRenameTree || kind == meta::ChangeKind::kDeleteTree;
}

bool IsAttribute(meta::ChangeKind kind) {
  return kind == meta::ChangeKind::kHeaders || kind == meta::ChangeKind::kMetadata ||
         kind == meta::ChangeKind::kTags || kind == meta::ChangeKind::kTier ||
         kind == meta::ChangeKind::kAccess;
}

// The lake has these bytes under the blob's own name.
bool LakeHasBytes(const meta::BlobRecord& record) {
  return record.lake && record.lake->name.empty() && !record.lake->etag.empty() &&
         record.lake->body == record.body.id;
}

std::set<std::string> NamesOf(const kv::Reader& reader, const meta::ContainerRecord& container,
                              const DroppedChanges& dropped, Result<>& status) {
  std::set<std::string> names = dropped.reached;
  auto trees = PendingTrees::Load(reader, container);
  if (!trees) {
    status = Fail(std::move(trees.error()));
    return names;
  }
  for (const LoggedChangePtr& change : dropped.changes) {
    const std::uint64_t holder = change->record.holder.value();
    for (const std::string* said : {&change->record.name, &change->record.from}) {
      if (!said->empty()) names.insert(trees->Here(*said, holder));
    }
  }
  names.erase(std::string());  // went with its directory
  return names;
}

Result<> PutRecord(engine::Services& services, kv::Transaction& txn,
                   const meta::ContainerRecord& container, const std::string& name,
                   const meta::BlobRecord& record) {
  return meta::NamespaceOf(container).Put(txn, container.id, name, record, services.ids);
}

// All of a blob whose bytes are here.
Result<> SendWhole(engine::Services& services, kv::Transaction& txn,
                   const meta::ContainerRecord& container, std::uint64_t mark,
                   const std::string& name, meta::BlobRecord record) {
  const engine::Place place{
      .container = container, .name = name, .existing = record, .mark = std::nullopt};
  FB_RETURN_IF_ERROR(
      engine::NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, record));
  return PutRecord(services, txn, container, name, record);
}

// A blob whose bytes only the lake has.
struct LakeBlob {
  std::string name;
  meta::BlobRecord record;
  std::string from;  // DroppedChanges::SourceOf
};

Result<> SendRest(engine::Services& services, kv::Transaction& txn,
                  const meta::ContainerRecord& container, const DroppedChanges& dropped,
                  std::uint64_t mark, LakeBlob blob) {
  const std::string& name = blob.name;
  meta::LakeCopy& copy = *blob.record.lake;
  if (dropped.HasHolder(copy.unsent)) copy.unsent = 0;
  const bool gone = blob.from.empty() || blob.from == dropped.name;
  if (blob.from != name && !gone) {
    FB_RETURN_IF_ERROR(
        engine::NoteRenameAgain(services, txn, container, name, blob.from, mark, blob.record));
  } else if (gone || copy.name == name) {
    // Its bytes were under the name that was decided about, or went with their directory; or there
    // and back again.
    if (gone) copy.etag = kUnboundETag;
    copy.name.clear();
    txn.Erase(keys::NameNote(container.id, name));
  }
  FB_RETURN_IF_ERROR(SayAgain(services, txn, container, dropped, mark, name, blob.record));
  return PutRecord(services, txn, container, name, blob.record);
}

// Blobs whose moves go round in a circle: this one steps aside first.
Result<> StepAside(engine::Services& services, kv::Transaction& txn,
                   const meta::ContainerRecord& container, const NamesBefore& before, WallTime now,
                   LakeBlob& blob) {
  FB_ASSIGN_OR_RETURN(const std::string aside,
                      FreeConflictName(txn, container, blob.name, now, "moving"));
  meta::NameNote nothing_there;
  nothing_there.kind = meta::NoteKind::kTombstone;
  nothing_there.since = now;
  txn.Put(keys::NameNote(container.id, aside), meta::Encode(nothing_there));
  FB_RETURN_IF_ERROR(engine::NoteRenameAgain(services, txn, container, aside, blob.from,
                                             before.mark, blob.record));
  blob.from = aside;
  return {};
}

// What is moved away from a name goes before what is moved there would write over it.
Result<> SendLakeBlobs(engine::Services& services, kv::Transaction& txn,
                       const meta::ContainerRecord& container, const DroppedChanges& dropped,
                       const NamesBefore& before, WallTime now, std::vector<LakeBlob> blobs) {
  while (!blobs.empty()) {
    const auto next = std::ranges::find_if(blobs, [&blobs](const LakeBlob& one) {
      return std::ranges::none_of(blobs, [&one](const LakeBlob& other) {
        return &other != &one && other.from == one.name;
      });
    });
    if (next == blobs.end()) {
      FB_RETURN_IF_ERROR(StepAside(services, txn, container, before, now, blobs.front()));
      continue;
    }
    FB_RETURN_IF_ERROR(SendRest(services, txn, container, dropped, before.mark, std::move(*next)));
    blobs.erase(next);
  }
  return {};
}

// A name without a blob.
Result<> SendDelete(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const DroppedChanges& dropped,
                    std::uint64_t mark, const std::string& name) {
  const std::string key = keys::NameNote(container.id, name);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::NameNote note, meta::DecodeNameNote(*stored));
  if (note.kind != meta::NoteKind::kTombstone || !dropped.HasHolder(note.unsent)) return {};
  // Also where the lake has nothing of it yet: earlier changes of the name may be in the log still.
  return engine::NoteDeleteAgain(services, txn, container, name, mark);
}

// All of the names that have to travel still.
struct Unsent {
  std::vector<LakeBlob> in_lake;
  std::vector<std::pair<std::string, meta::BlobRecord>> here;
  std::vector<std::string> without_blob;
};

Result<Unsent> FindUnsent(const kv::Reader& reader, const meta::ContainerRecord& container,
                          const DroppedChanges& dropped, const NamesBefore& before) {
  Unsent out;
  Result<> status;
  const std::set<std::string> names = NamesOf(reader, container, dropped, status);
  FB_RETURN_IF_ERROR(std::move(status));
  for (const std::string& name : names) {
    if (name == dropped.name) continue;
    FB_ASSIGN_OR_RETURN(auto record, meta::NamespaceOf(container).Find(reader, container.id, name));
    if (!record) {
      out.without_blob.push_back(name);
      continue;
    }
    if (record->directory || !record->lake) continue;
    const bool unsent = dropped.HasHolder(record->lake->unsent);
    if (!record->body.in_lake) {
      if (unsent || !LakeHasBytes(*record)) out.here.emplace_back(name, std::move(*record));
      continue;
    }
    const bool was_unsent = std::ranges::find(before.unsent, name) != before.unsent.end();
    if (!unsent && !was_unsent) continue;
    out.in_lake.push_back({name, std::move(*record), dropped.SourceOf(name)});
  }
  return out;
}

}  // namespace

bool DroppedChanges::HasHolder(std::uint64_t holder) const {
  if (holder == 0) return false;
  return std::ranges::any_of(changes, [holder](const LoggedChangePtr& change) {
    return change->record.holder.value() == holder;
  });
}

Result<> SayAgain(engine::Services& services, kv::Transaction& txn,
                  const meta::ContainerRecord& container, const DroppedChanges& dropped,
                  std::uint64_t mark, const std::string& name, meta::BlobRecord& record) {
  std::set<meta::ChangeKind> kinds;
  for (const LoggedChangePtr& change : dropped.changes) {
    if (IsAttribute(change->record.kind)) kinds.insert(change->record.kind);
  }
  for (const meta::ChangeKind kind : kinds) {
    const engine::Place place{
        .container = container, .name = name, .existing = record, .mark = std::nullopt};
    FB_RETURN_IF_ERROR(engine::NoteChange(services, txn, place, kind, mark, record));
  }
  return {};
}

std::string DroppedChanges::SourceOf(std::string name) const {
  for (const Move& move : std::views::reverse(moves)) {
    if (!name.empty() && move.to == name) name = move.from;
  }
  return name;
}

DropScan::DropScan(std::string name, std::set<ChangeNumber> own, PendingTrees trees)
    : own_(std::move(own)), trees_(std::move(trees)) {
  out_.reached.insert(name);
  out_.name = std::move(name);
}

bool DropScan::Touches(const meta::ChangeRecord& change) const {
  const std::uint64_t holder = change.holder.value();
  return out_.reached.contains(trees_.Here(change.name, holder)) ||
         (!change.from.empty() && out_.reached.contains(trees_.Here(change.from, holder)));
}

void DropScan::See(const LoggedChangePtr& change) {
  const meta::ChangeRecord& record = change->record;
  if (change->done() || IsTree(record.kind)) return;
  const bool touches = Touches(record);
  if (!touches && !own_.contains(change->number)) return;
  out_.changes.push_back(change);
  if (record.kind != meta::ChangeKind::kRename) return;
  const std::uint64_t holder = record.holder.value();
  for (const std::string* said : {&record.name, &record.from}) {
    const std::string name = trees_.Here(*said, holder);
    if (!name.empty()) out_.reached.insert(name);
  }
}

std::set<ChangeNumber> DropScan::LeftBehind(const std::vector<ChangeWork>& waiting) const {
  std::set<ChangeNumber> taken;
  for (const LoggedChangePtr& change : out_.changes) taken.insert(change->number);
  std::set<ChangeNumber> more;
  for (const ChangeWork& work : waiting) {
    std::vector<ChangeNumber> numbers = work.swallowed;
    numbers.push_back(work.last);
    if (std::ranges::none_of(numbers, [&](ChangeNumber n) { return taken.contains(n); })) continue;
    for (const ChangeNumber number : numbers) {
      if (!taken.contains(number)) more.insert(number);
    }
  }
  return more;
}

void DropScan::StartAnew(const std::set<ChangeNumber>& with) {
  own_.insert(with.begin(), with.end());
  out_.changes.clear();
  out_.reached = {out_.name};
}

void DropScan::Forget(const std::vector<LoggedChangePtr>& changes) {
  std::set<ChangeNumber> gone;
  for (const LoggedChangePtr& change : changes) gone.insert(change->number);
  std::erase_if(out_.changes,
                [&gone](const LoggedChangePtr& change) { return gone.contains(change->number); });
}

DroppedChanges DropScan::Finish() {
  std::ranges::sort(out_.changes, {}, [](const auto& change) { return change->number; });
  for (const LoggedChangePtr& change : out_.changes) {
    const meta::ChangeRecord& record = change->record;
    if (record.kind != meta::ChangeKind::kRename) continue;
    const std::uint64_t holder = record.holder.value();
    out_.moves.push_back({trees_.Here(record.from, holder), trees_.Here(record.name, holder)});
  }
  return std::move(out_);
}

std::vector<LoggedChangePtr> SupersededOf(const DroppedChanges& dropped,
                                          const std::vector<ChangeWork>& waiting,
                                          const std::set<ChangeNumber>& own) {
  ChangeNumber last = 0;  // that says all about the name
  std::set<ChangeNumber> whole;
  for (const LoggedChangePtr& change : dropped.changes) {
    const meta::ChangeKind kind = change->record.kind;
    const bool all = kind == meta::ChangeKind::kContent || kind == meta::ChangeKind::kDelete;
    if (!all || change->record.name != dropped.name) continue;
    last = change->number;
    whole.insert(last);
  }
  std::set<ChangeNumber> kept = own;
  for (const ChangeWork& work : waiting) {
    // Only of work that can do without those that it stands for.
    const bool plain = work.from.empty() && work.gone.empty();
    if (work.last < last && plain && whole.contains(work.last)) continue;
    kept.insert(work.last);
    kept.insert(work.swallowed.begin(), work.swallowed.end());
  }
  std::vector<LoggedChangePtr> out;
  for (const LoggedChangePtr& change : dropped.changes) {
    if (change->number >= last || kept.contains(change->number)) continue;
    const bool plain = change->record.kind != meta::ChangeKind::kRename;
    if (plain && change->record.name == dropped.name) out.push_back(change);
  }
  return out;
}

Result<std::vector<std::string>> OrphansOf(const kv::Reader& reader,
                                           const meta::ContainerRecord& container,
                                           const DroppedChanges& dropped) {
  Result<> status;
  std::vector<std::string> orphans;
  const std::set<std::string> names = NamesOf(reader, container, dropped, status);
  FB_RETURN_IF_ERROR(std::move(status));
  for (const std::string& name : names) {
    if (!dropped.SourceOf(name).empty()) continue;
    FB_ASSIGN_OR_RETURN(const auto record,
                        meta::NamespaceOf(container).Find(reader, container.id, name));
    if (record && record->body.in_lake && record->lake && !record->lake->name.empty()) {
      orphans.push_back(name);
    }
  }
  return orphans;
}

Task<> BringBytes(engine::Services& services, OpContext context, AttachmentPtr attachment,
                  std::string name) {
  auto brought =
      co_await engine::BringHere(services, std::move(context), TargetOf(*attachment, name));
  if (brought) co_return brought;
  switch (brought.error().code()) {
    case Code::kBlobNotFound:
    case Code::kPathNotFound:
    case Code::kStale:
      co_return Result<>{};
    default:
      co_return brought;
  }
}

Result<NamesBefore> LookBeforeDrop(const kv::Reader& reader, const meta::ContainerRecord& container,
                                   const DroppedChanges& dropped) {
  NamesBefore before;
  FB_ASSIGN_OR_RETURN(before.mark, engine::ArrivalMark(reader, container));
  Result<> status;
  const std::set<std::string> names = NamesOf(reader, container, dropped, status);
  FB_RETURN_IF_ERROR(std::move(status));
  for (const std::string& name : names) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t newest, NewestOf(reader, container, name, kNow));
    const bool known = newest == 0 || dropped.HasHolder(newest);
    // Another change of the name came in: it is asked about as well.
    if (!known && dropped.reached.contains(name)) {
      return Fail(Code::kServerBusy, name + " is being changed.");
    }
    if (newest != 0 && known) before.unsent.push_back(name);
  }
  return before;
}

Result<> StoreDropped(engine::Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, const DroppedChanges& dropped,
                      const NamesBefore& before, WallTime now) {
  FB_RETURN_IF_ERROR(SettleName(services, txn, container, dropped.name, dropped.changes));
  FB_ASSIGN_OR_RETURN(Unsent unsent, FindUnsent(txn, container, dropped, before));
  // Moves first: they take what later writes of their old names would write over.
  FB_RETURN_IF_ERROR(
      SendLakeBlobs(services, txn, container, dropped, before, now, std::move(unsent.in_lake)));
  for (auto& [name, record] : unsent.here) {
    FB_RETURN_IF_ERROR(SendWhole(services, txn, container, before.mark, name, std::move(record)));
  }
  for (const std::string& name : unsent.without_blob) {
    FB_RETURN_IF_ERROR(SendDelete(services, txn, container, dropped, before.mark, name));
  }
  for (const LoggedChangePtr& change : dropped.changes) {
    FB_RETURN_IF_ERROR(ReleaseHeld(services, txn, container, *change, now));
    FB_RETURN_IF_ERROR(MarkDone(txn, change->key));
  }
  return {};
}

}  // namespace forebay::tier
