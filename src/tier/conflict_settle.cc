#include "tier/conflict_settle.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/copy_blob.h"
#include "engine/delete_blob.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/tag_index.h"
#include "tier/events.h"
#include "tier/live_names.h"
#include "tier/names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// What is here under the name that the conflict is about.
struct Here {
  std::optional<meta::BlobRecord> record;
  LocalChange change = LocalChange::kDelete;
  bool only_moved = false;  // OnlyMovedHere
};

// All that a commit needs; shared by the tries of its transaction.
struct Plan {
  explicit Plan(Conflict met) : conflict(std::move(met)) {}

  Conflict conflict;
  Here here;
  ConflictStep step = ConflictStep::kNone;
  std::string host;
  WallTime now;
  std::optional<IncomingName> theirs;
  bool local_wins = false;
};
using PlanPtr = std::shared_ptr<const Plan>;

bool IsAttribute(meta::ChangeKind kind) {
  return kind == meta::ChangeKind::kHeaders || kind == meta::ChangeKind::kMetadata ||
         kind == meta::ChangeKind::kTags || kind == meta::ChangeKind::kTier;
}

// It was moved here, and only the lake has its bytes, under another name.
bool OnlyMovedHere(const meta::BlobRecord& record, const std::string& name) {
  return record.body.in_lake && record.lake && !record.lake->name.empty() &&
         record.lake->name != name;
}

// The lake has never had the record's bytes under this name, as far as is known: they were written
// or moved here, and wait behind the change that met the conflict.
bool NotThere(const meta::BlobRecord& record, const Conflict& conflict) {
  const meta::LakeCopy copy = record.lake.value_or(meta::LakeCopy{});
  if (copy.etag.empty() || !copy.name.empty() || copy.body != record.body.id) return true;
  // All empty bodies are called the same, and so is what of the lake's was never here.
  return record.body.id.value() == 0 && !IsAttribute(conflict.change.kind);
}

Result<Here> Look(const kv::Reader& reader, const Conflict& conflict) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(reader, *conflict.attachment));
  Here here;
  FB_ASSIGN_OR_RETURN(here.record,
                      meta::NamespaceOf(container).Find(reader, container.id, conflict.name));
  if (here.record) {
    const meta::BlobRecord& record = *here.record;
    const bool bytes = !record.body.in_lake && (conflict.content || NotThere(record, conflict));
    here.only_moved = OnlyMovedHere(record, conflict.name);
    here.change = bytes || here.only_moved ? LocalChange::kContent : LocalChange::kAttributes;
  }
  return here;
}

ConflictRecord Describe(const Plan& plan) {
  const Conflict& conflict = plan.conflict;
  ConflictRecord record;
  record.name = conflict.name;
  record.etag_before = conflict.expected.str();
  record.at = plan.now;
  if (plan.here.record) {
    record.length_here = plan.here.record->length;
    record.modified_here = plan.here.record->modified;
  }
  if (conflict.theirs) {
    record.etag_now = conflict.theirs->etag().str();
    record.length_there = conflict.theirs->length();
    record.modified_there = conflict.theirs->properties.last_modified;
  }
  const bool deleted = plan.here.change == LocalChange::kDelete;
  record.kind = !conflict.theirs ? ConflictKind::kDeletedThere
                : deleted        ? ConflictKind::kDeletedHere
                                 : ConflictKind::kBothChanged;
  return record;
}

Result<> Tell(kv::Transaction& txn, const Plan& plan, ConflictRecord record, std::string text) {
  const meta::ContainerId container = plan.conflict.attachment->container;
  FB_ASSIGN_OR_RETURN(const bool fresh, NoteConflict(txn, container, record));
  if (!fresh) return {};
  NoteEvent(txn, container,
            {.kind = EventKind::kConflict,
             .at = plan.now,
             .name = record.name,
             .other = record.kept_as,
             .etag_before = record.etag_before,
             .etag_now = record.etag_now,
             .text = std::move(text)});
  return {};
}

// Our record as it is in this transaction. It may be newer than when it was decided about, as long
// as the decision would be the same.
Result<std::optional<meta::BlobRecord>> StillHere(const kv::Reader& reader, const Plan& plan) {
  FB_ASSIGN_OR_RETURN(Here now, Look(reader, plan.conflict));
  const Here& then = plan.here;
  const bool moved_here_since = now.only_moved && !then.only_moved;
  if (now.record.has_value() == then.record.has_value() && now.change == then.change &&
      !moved_here_since) {
    return std::move(now.record);
  }
  return Fail(Code::kConditionNotMet, "The blob has changed since it was decided about.");
}

Result<> PutTheirs(engine::Services& services, kv::Transaction& txn,
                   const meta::ContainerRecord& container, const Plan& plan,
                   const meta::BlobRecord& theirs) {
  const std::string& name = plan.conflict.name;
  meta::ReindexTags(txn, container.id, name, {}, theirs.tags);
  txn.Erase(keys::NameNote(container.id, name));
  return meta::NamespaceOf(container).Put(txn, container.id, name, theirs, services.ids);
}

// Ours travels to the name, to which nothing else has travelled: as it is here, or from where the
// lake has it.
Result<> NoteAnew(engine::Services& services, kv::Transaction& txn,
                  const meta::ContainerRecord& container, const Plan& plan,
                  const DroppedChanges& dropped, const std::string& name, meta::BlobRecord& ours) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, engine::ArrivalMark(txn, container));
  if (OnlyMovedHere(ours, plan.conflict.name)) {
    const std::string from = dropped.SourceOf(plan.conflict.name);
    if (from.empty()) {  // with its directory, which is deleted behind the move
      ours.lake->etag = kUnboundETag;
      ours.lake->name.clear();
      ours.lake->unsent = 0;
      return {};
    }
    FB_RETURN_IF_ERROR(engine::NoteRenameAgain(services, txn, container, name, from, mark, ours));
    return SayAgain(services, txn, container, dropped, mark, name, ours);
  }
  ours.lake.reset();
  engine::Place place;
  place.container = container;
  place.name = name;
  return engine::NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, ours);
}

Result<> KeepBoth(engine::Services& services, kv::Transaction& txn, const Plan& plan,
                  const DroppedChanges& dropped) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(txn, *plan.conflict.attachment));
  FB_ASSIGN_OR_RETURN(auto ours, StillHere(txn, plan));
  FB_ASSIGN_OR_RETURN(const std::string name,
                      FreeConflictName(txn, container, plan.conflict.name, plan.now, plan.host));
  meta::BlobRecord kept = *ours;
  kept.lease = {};
  kept.expires.reset();
  FB_RETURN_IF_ERROR(NoteAnew(services, txn, container, plan, dropped, name, kept));
  meta::UnindexTags(txn, container.id, plan.conflict.name, ours->tags);
  meta::ReindexTags(txn, container.id, name, {}, kept.tags);
  FB_RETURN_IF_ERROR(meta::NamespaceOf(container).Put(txn, container.id, name, kept, services.ids));
  FB_RETURN_IF_ERROR(PutTheirs(services, txn, container, plan, plan.theirs->record));
  ConflictRecord record = Describe(plan);
  record.outcome = ConflictOutcome::kKeptBoth;
  record.kept_as = name;
  return Tell(
      txn, plan, std::move(record),
      "The blob changed here and in the lake. Theirs has the name, ours is kept beside it.");
}

// The name's own record goes: what it held, and its tags.
Result<> GiveUpOurs(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const Plan& plan,
                    const meta::BlobRecord& ours) {
  FB_RETURN_IF_ERROR(engine::ReleaseBody(services.chunks, txn, ours, plan.now));
  FB_RETURN_IF_ERROR(engine::DropAppends(txn, ours.id, plan.now));
  meta::UnindexTags(txn, container.id, plan.conflict.name, ours.tags);
  return {};
}

std::string TextOf(const Plan& plan) {
  switch (plan.here.change) {
    case LocalChange::kDelete:
      return "The blob was deleted here and changed in the lake: theirs is back.";
    case LocalChange::kAttributes:
      return plan.conflict.theirs
                 ? "The blob changed in the lake, its properties, metadata, tags or tier here: "
                   "theirs is there, ours is written down with the conflict."
                 : "The blob's properties, metadata, tags or tier changed here, and it was deleted "
                   "in the lake: it is gone.";
    case LocalChange::kContent:
      break;
  }
  return plan.conflict.theirs
             ? "The blob changed here and in the lake: theirs is there (lake-wins)."
             : "The blob changed here and was deleted in the lake: it is gone "
               "(lake-wins).";
}

// Sets the part of `to` that the change was about.
void TakePart(const meta::ChangeRecord& change, const meta::BlobRecord& ours,
              meta::BlobRecord& to) {
  switch (change.kind) {
    case meta::ChangeKind::kHeaders:
      to.http = ours.http;
      break;
    case meta::ChangeKind::kMetadata:
      to.metadata = ours.metadata;
      break;
    case meta::ChangeKind::kTags:
      to.tags = ours.tags;
      break;
    case meta::ChangeKind::kTier:
      to.tier = ours.tier;
      to.tier_inferred = ours.tier_inferred;
      to.tier_changed = ours.tier_changed;
      break;
    default:
      break;
  }
}

Result<> TakeTheirs(engine::Services& services, kv::Transaction& txn, const Plan& plan) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(txn, *plan.conflict.attachment));
  FB_ASSIGN_OR_RETURN(auto ours, StillHere(txn, plan));
  ConflictRecord record = Describe(plan);
  record.outcome = ConflictOutcome::kLakeWon;
  if (ours) {
    FB_RETURN_IF_ERROR(GiveUpOurs(services, txn, container, plan, *ours));
    record.record_here = meta::Encode(*ours);
  }
  if (plan.theirs) {
    meta::BlobRecord theirs = plan.theirs->record;
    const bool again = plan.local_wins && ours && IsAttribute(plan.conflict.change.kind);
    if (again) {
      engine::Place place{.container = container,
                          .name = plan.conflict.name,
                          .existing = theirs,
                          .mark = std::nullopt};
      TakePart(plan.conflict.change, *ours, theirs);
      FB_ASSIGN_OR_RETURN(const std::uint64_t mark, engine::ArrivalMark(txn, container));
      FB_RETURN_IF_ERROR(
          engine::NoteChange(services, txn, place, plan.conflict.change.kind, mark, theirs));
      record.outcome = ConflictOutcome::kLocalWon;
    }
    if (!ours) record.outcome = ConflictOutcome::kRestored;
    FB_RETURN_IF_ERROR(PutTheirs(services, txn, container, plan, theirs));
  } else if (ours) {
    // With what is noted beside a blob that was moved here: of all that there is nothing in the
    // lake.
    txn.Erase(keys::NameNote(container.id, plan.conflict.name));
    FB_RETURN_IF_ERROR(meta::NamespaceOf(container).Erase(txn, container.id, plan.conflict.name));
  }
  return Tell(txn, plan, std::move(record), TextOf(plan));
}

Result<> TellOfOurs(kv::Transaction& txn, const Plan& plan) {
  ConflictRecord record = Describe(plan);
  const bool anew = !plan.conflict.theirs;
  record.outcome = anew ? ConflictOutcome::kRestored : ConflictOutcome::kLocalWon;
  return Tell(txn, plan, std::move(record),
              anew ? "The blob was deleted in the lake and changed here: ours goes up anew."
              : plan.here.record
                  ? "The blob changed here and in the lake: ours replaces theirs (local-wins)."
                  : "The blob was deleted here and changed in the lake: it is deleted there "
                    "(local-wins).");
}

// It is gone there: all of ours goes up as if it were new, whatever part of it had changed.
Result<> SendAnew(engine::Services& services, kv::Transaction& txn, const Plan& plan,
                  const DroppedChanges& dropped) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(txn, *plan.conflict.attachment));
  FB_ASSIGN_OR_RETURN(auto ours, StillHere(txn, plan));
  const std::string& name = plan.conflict.name;
  txn.Erase(keys::NameNote(container.id, name));  // what it replaced there is gone too
  FB_RETURN_IF_ERROR(NoteAnew(services, txn, container, plan, dropped, name, *ours));
  FB_RETURN_IF_ERROR(
      meta::NamespaceOf(container).Put(txn, container.id, name, *ours, services.ids));
  return TellOfOurs(txn, plan);
}

Result<> SendOurs(kv::Transaction& txn, const Plan& plan) {
  FB_RETURN_IF_ERROR(StillHere(txn, plan));
  return TellOfOurs(txn, plan);
}

// A file and a directory want one name: people must decide, and hear of it once.
Task<ConflictDecision> NameTaken(engine::Services& services, PlanPtr plan) {
  ConflictDecision decision;
  decision.why =
      "Here and in the lake a file and a directory have this name; move one of them away. Until "
      "then what changes under it does not travel.";
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [plan, text = decision.why](kv::Transaction& txn) -> Result<> {
        ConflictRecord record = Describe(*plan);
        record.kind = ConflictKind::kNameTaken;
        return Tell(txn, *plan, std::move(record), text);
      }));
  co_return decision;
}

}  // namespace

Task<ConflictDecision> ConflictSettler::Decide(OpContext context, Conflict conflict) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto plan = std::make_shared<Plan>(std::move(conflict));
  plan->host = host_;
  plan->now = services_.clock.Now();
  FB_CO_ASSIGN_OR_RETURN(plan->here,
                         co_await engine::ReadMeta(services_, [plan](const kv::Reader& reader) {
                           return Look(reader, plan->conflict);
                         }));
  const bool there = plan->conflict.theirs.has_value();
  if (there) {
    lake::BlobState state = *plan->conflict.theirs;
    state.name = lake::BlobName(plan->conflict.name);
    FB_CO_ASSIGN_OR_RETURN(plan->theirs, Incoming(services_, state));
  }
  // A directory that moved is met by a file, whatever has its name here by now.
  const bool tree = plan->conflict.change.kind == meta::ChangeKind::kRenameTree;
  const bool our_directory = plan->here.record && plan->here.record->directory;
  if (tree || our_directory || (there && plan->conflict.theirs->directory)) {
    co_return co_await NameTaken(services_, plan);
  }
  const meta::ConflictPolicy policy = plan->conflict.attachment->record.conflicts;
  plan->local_wins = policy == meta::ConflictPolicy::kLocalWins;
  plan->step = DecideConflict(policy, plan->here.change, there);
  // What we say of a blob cannot be laid over other bytes than it was said of by a plain write.
  const bool attributes = plan->here.record && plan->here.change == LocalChange::kAttributes;
  if (attributes && plan->step == ConflictStep::kSendOurs) plan->step = ConflictStep::kTakeTheirs;
  // Its bytes are somebody's who wrote them in the lake, and nowhere else.
  if (plan->here.only_moved && plan->step == ConflictStep::kTakeTheirs) {
    plan->step = there ? ConflictStep::kKeepBoth : ConflictStep::kSendAnew;
  }
  ConflictDecision decision;
  switch (plan->step) {
    case ConflictStep::kNone:
      decision.action = ConflictDecision::Action::kTheirs;
      // What has come under the name since would leave the log with what both sides have deleted.
      decision.commit = [plan](kv::Transaction& txn, const DroppedChanges&) -> Result<> {
        FB_RETURN_IF_ERROR(StillHere(txn, *plan));
        return {};
      };
      break;
    case ConflictStep::kKeepBoth:
      decision.action = ConflictDecision::Action::kTheirs;
      decision.commit = [this, plan](kv::Transaction& txn, const DroppedChanges& dropped) {
        return KeepBoth(services_, txn, *plan, dropped);
      };
      break;
    case ConflictStep::kTakeTheirs:
      decision.action = ConflictDecision::Action::kTheirs;
      decision.commit = [this, plan](kv::Transaction& txn, const DroppedChanges&) {
        return TakeTheirs(services_, txn, *plan);
      };
      break;
    case ConflictStep::kSendAnew:
      decision.action = ConflictDecision::Action::kTheirs;
      decision.commit = [this, plan](kv::Transaction& txn, const DroppedChanges& dropped) {
        return SendAnew(services_, txn, *plan, dropped);
      };
      break;
    case ConflictStep::kSendOurs:
      decision.action = ConflictDecision::Action::kOurs;
      decision.commit = [plan](kv::Transaction& txn, const DroppedChanges&) {
        return SendOurs(txn, *plan);
      };
      break;
  }
  co_return decision;
}

std::string ConflictHost() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "forebay";
  std::string host(name.data());
  host = host.substr(0, std::min(host.find('.'), std::size_t{32}));
  std::ranges::replace_if(
      host, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-'; },
      '-');
  return host.empty() ? "forebay" : host;
}

}  // namespace forebay::tier
