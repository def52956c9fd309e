// Changes of what a blob says about itself, deletes and moves (see tier/offload_writer.h).
#include <algorithm>

#include "async/sleep.h"
#include "lake/failure.h"
#include "tier/offload_trees.h"
#include "tier/offload_writer.h"
#include "tier/same_bytes.h"

namespace forebay::tier {
namespace {

using lake::Failure;
using lake::Verdict;

constexpr int kTries = 5;
// The longest source of a copy that is done when it is answered (Put Blob From URL).
constexpr std::uint64_t kSynchronousCopyBytes = std::uint64_t{5000} << 20;
constexpr std::chrono::milliseconds kCopyPoll{1000};
constexpr std::uint64_t kComparedAtATime = 4 << 20;

bool MustLook(const Error& error) {
  const Failure failure = lake::Classify(error);
  return failure == Failure::kUnknownOutcome || failure == Failure::kPrecondition ||
         failure == Failure::kNotFound;
}

bool Has(const std::vector<LoggedChangePtr>& changes, meta::ChangeKind kind) {
  return std::ranges::any_of(changes,
                             [kind](const auto& change) { return change->record.kind == kind; });
}

lake::LakeConditions Expecting(const std::string& etag) {
  lake::LakeConditions conditions;
  if (etag.empty()) {
    conditions.absent = true;
  } else {
    conditions.match = lake::ETag(etag);
  }
  return conditions;
}

Error TryAgain() {
  return Error(Code::kServerBusy, "The lake's blob keeps changing while it is written.");
}

// By a change that a former process may have sent.
bool WrittenLater(const WorkAttempt& attempt, const std::string& name) {
  return std::ranges::any_of(attempt.later, [&name](const LoggedChangePtr& change) {
    const meta::ChangeKind kind = change->record.kind;
    const bool all = kind == meta::ChangeKind::kContent || kind == meta::ChangeKind::kRename;
    return all && change->record.name == name;
  });
}
bool GoneLater(const WorkAttempt& attempt, const std::string& name) {
  return std::ranges::any_of(attempt.later, [&name](const LoggedChangePtr& change) {
    const meta::ChangeRecord& later = change->record;
    return later.from == name || (later.kind == meta::ChangeKind::kDelete && later.name == name);
  });
}

// What tells the blob's content where its MD5 is known; a change of its properties alone keeps it.
lake::Fingerprint SameContent(const meta::BlobRecord& blob, const std::string& expected) {
  lake::Fingerprint print;
  print.before = lake::ETag(expected);
  if (!blob.http.content_md5.empty()) {
    print.length = blob.length;
    print.content_md5 = blob.http.content_md5;
  }
  return print;
}

}  // namespace

// --- Properties, metadata, tags, tier.

Task<WriteOutcome> OffloadWriter::WriteParts(AttemptPtr attempt, std::string expected) {
  const meta::BlobRecord& blob = attempt->blob();
  const std::vector<LoggedChangePtr>& changes = attempt->changes;
  const lake::BlobName name(attempt->work.name);
  WriteOutcome outcome;
  outcome.etag = expected;
  if (expected.empty()) {
    // What it was a change of is not there: somebody decided so, or took it away.
    outcome.foreign = {attempt->work.name, expected, std::nullopt,
                       Error(Code::kBlobNotFound, "The blob is not in the lake.")};
    co_return outcome;
  }
  if (Has(changes, meta::ChangeKind::kHeaders)) {
    lake::Fingerprint print = SameContent(blob, outcome.etag);
    print.http = blob.http;
    FB_CO_ASSIGN_OR_RETURN(
        outcome, co_await ChangeText(attempt, outcome.etag, lake::SetProperties{blob.http}, print));
    if (outcome.foreign) co_return outcome;
  }
  if (Has(changes, meta::ChangeKind::kMetadata)) {
    lake::Fingerprint print = SameContent(blob, outcome.etag);
    print.metadata = blob.metadata;
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await ChangeText(attempt, outcome.etag,
                                                        lake::SetMetadata{blob.metadata}, print));
    if (outcome.foreign) co_return outcome;
  }
  // Neither of these takes an ETag, and both may be repeated.
  Result<lake::UpdateAnswer> done;
  if (Has(changes, meta::ChangeKind::kTags)) {
    done = co_await lake().Update(
        Call(), {.name = name, .change = lake::SetTags{blob.tags}, .conditions = {}});
  }
  if (done && Has(changes, meta::ChangeKind::kTier)) {
    const lake::SetTier tier{blob.rehydrating_to.value_or(blob.tier), blob.rehydrate_priority};
    done = co_await lake().Update(Call(), {.name = name, .change = tier, .conditions = {}});
  }
  if (!done) {
    if (lake::Classify(done.error()) != Failure::kNotFound) co_return Fail(std::move(done.error()));
    outcome.foreign = {attempt->work.name, outcome.etag, std::nullopt, done.error()};
    co_return outcome;
  }
  if (Has(changes, meta::ChangeKind::kAccess) && attachment_->record.lake_hierarchical) {
    co_return co_await WriteAccess(attempt, outcome.etag);
  }
  co_return outcome;
}

Task<WriteOutcome> OffloadWriter::ChangeText(AttemptPtr attempt, std::string expected,
                                             lake::Change change, lake::Fingerprint print) {
  WriteOutcome outcome;
  for (int tries = 0; tries < kTries; ++tries) {
    lake::UpdateRequest request;
    request.name = lake::BlobName(attempt->work.name);
    request.change = change;
    request.conditions.match = lake::ETag(expected);
    auto done = co_await lake().Update(Call(), std::move(request));
    if (done) {
      outcome.etag = done->etag.empty() ? expected : done->etag.str();
      co_return outcome;
    }
    if (!MustLook(done.error())) co_return Fail(std::move(done.error()));
    FB_CO_ASSIGN_OR_RETURN(
        lake::Recognition found,
        co_await lake::Recognize(lake(), Call(), lake::BlobName(attempt->work.name), print));
    if (found.verdict == Verdict::kUntouched) continue;
    if (found.verdict == Verdict::kOurs) {
      outcome.etag = found.state->etag().str();
      co_return outcome;
    }
    if (found.state) {
      FB_CO_ASSIGN_OR_RETURN(const bool earlier, co_await IsOtherOfOurs(attempt, *found.state));
      if (earlier) {
        expected = found.state->etag().str();
        continue;
      }
    }
    outcome.foreign = {attempt->work.name, expected, std::move(found.state), done.error()};
    co_return outcome;
  }
  co_return Fail(TryAgain());
}

Task<WriteOutcome> OffloadWriter::WriteAccess(AttemptPtr attempt, std::string expected) {
  WriteOutcome outcome;
  outcome.etag = expected;
  const meta::BlobRecord& blob = attempt->blob();
  if (!blob.access) co_return outcome;
  const lake::BlobName name(attempt->work.name);
  lake::SetAclRequest request;
  request.name = name;
  request.control.owner = blob.access->owner;
  request.control.group = blob.access->group;
  request.control.acl = azure::FormatAcl(*blob.access);
  FB_CO_RETURN_IF_ERROR(co_await lake().SetAcl(Call(), std::move(request)));
  // The lake does not say what the ETag has become.
  FB_CO_ASSIGN_OR_RETURN(const lake::BlobState state, co_await lake().Head(Call(), {.name = name}));
  outcome.etag = state.etag().str();
  co_return outcome;
}

// --- Deletes.

Task<WriteOutcome> OffloadWriter::Remove(AttemptPtr attempt, std::string name, std::string expected,
                                         bool directory) {
  WriteOutcome outcome;
  // The lake makes the directories above its blobs by itself, and says nothing of them.
  const bool implied = directory && attachment_->record.lake_hierarchical;
  if (expected.empty() && !implied) co_return outcome;  // it never got there
  for (int tries = 0; tries < kTries; ++tries) {
    lake::DeleteRequest request;
    request.name = lake::BlobName(name);
    // A directory's ETag changes with what is put into it.
    if (!implied) request.conditions.match = lake::ETag(expected);
    auto done = co_await lake().Delete(Call(), std::move(request));
    if (done || lake::Classify(done.error()) == Failure::kNotFound) co_return outcome;
    if (!MustLook(done.error())) co_return Fail(std::move(done.error()));
    lake::Fingerprint print;
    print.before = lake::ETag(expected);
    print.deleted = true;
    FB_CO_ASSIGN_OR_RETURN(lake::Recognition found,
                           co_await lake::Recognize(lake(), Call(), lake::BlobName(name), print));
    if (found.verdict == Verdict::kOurs) co_return outcome;
    if (found.verdict == Verdict::kUntouched || implied) continue;
    // It was gone before, and is what came next; whose it is shows when that has its turn.
    if (WrittenLater(*attempt, name)) co_return outcome;
    outcome.etag = expected;
    outcome.foreign = {name, expected, std::move(found.state), done.error()};
    co_return outcome;
  }
  co_return Fail(TryAgain());
}

// --- Moves of one file.

Task<WriteOutcome> OffloadWriter::Move(AttemptPtr attempt) {
  const ChangeWork& work = attempt->work;
  WriteOutcome outcome;
  outcome.etag = attempt->under;
  if (work.from == work.name) {
    // There and back again.
    if ((work.parts & kContentPart) != 0) {
      co_return co_await WriteContent(attempt, attempt->under);
    }
    if (work.parts != 0) co_return co_await WriteParts(attempt, attempt->under);
    co_return outcome;
  }
  const bool here = !attempt->blob().body.in_lake;
  const bool lost = attempt->under_from.empty() || attempt->source_changed;
  if ((work.parts & kContentPart) != 0 || (here && lost)) {
    // New bytes, or the lake does not have the old ones: up they go, under the last name.
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteContent(attempt, attempt->under));
    if (outcome.foreign) co_return outcome;
    FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                           co_await Remove(attempt, work.from, attempt->under_from));
    if (removed.foreign) co_return removed;
    co_return outcome;
  }
  if (attempt->under_from.empty()) {
    // Only the lake had it: what it has now is left as it is.
    outcome.unbound = true;
    co_return outcome;
  }
  FB_CO_ASSIGN_OR_RETURN(outcome, attachment_->record.lake_hierarchical
                                      ? co_await MoveInLake(attempt)
                                      : co_await CopyInLake(attempt));
  if (outcome.foreign) co_return outcome;
  if (lost || !outcome.body) {
    outcome.unbound = true;
    outcome.body.reset();
    co_return outcome;
  }
  if (work.parts == 0) co_return outcome;
  const std::optional<meta::BodyId> body = outcome.body;
  FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteParts(attempt, outcome.etag));
  outcome.body = body;
  co_return outcome;
}

// A move has no mark of its own: the source is gone, and what stands at the target looks like it.
Task<OffloadWriter::Judged> OffloadWriter::JudgeMoved(AttemptPtr attempt, std::string under) {
  Judged judged;
  auto there = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.name)});
  if (!there && lake::Classify(there.error()) != Failure::kNotFound) {
    co_return Fail(std::move(there.error()));
  }
  // What was to be replaced may be gone: nothing is lost by that.
  if (!there || there->etag().str() == under) judged.verdict = Verdict::kUntouched;
  if (there) judged.state = std::move(*there);
  if (judged.state) judged.state->name = lake::BlobName(attempt->work.name);
  if (judged.verdict == Verdict::kUntouched) co_return judged;
  FB_CO_RETURN_IF_ERROR(co_await JudgeMovedBytes(attempt, &judged));
  if (judged.verdict == Verdict::kForeign) {
    // Moved before, and written over since.
    FB_CO_ASSIGN_OR_RETURN(const bool later, co_await IsOneOf(attempt->later, *judged.state));
    if (later) judged.verdict = Verdict::kOurs;
    judged.presumed = later;
  }
  co_return judged;
}

Task<> OffloadWriter::JudgeMovedBytes(AttemptPtr attempt, Judged* judged) {
  const meta::BlobRecord& blob = attempt->blob();
  const std::string& ours = blob.http.content_md5;
  const std::string& theirs = judged->state->properties.http.content_md5;
  bool same = judged->state->length() == blob.length;
  if (same && blob.length > 0 && !ours.empty() && !theirs.empty()) {
    same = ours == theirs;
  } else if (same && blob.length > 0 && !blob.body.in_lake) {
    FB_CO_ASSIGN_OR_RETURN(same, co_await SameAsHere(*judged->state, blob));
  } else if (same && blob.length > 0 && attempt->source_changed) {
    judged->presumed = true;
  } else if (same && blob.length > 0) {
    const LakeBytes there{judged->state->name, judged->state->etag()};
    const LakeBytes source{lake::BlobName(attempt->work.from), lake::ETag(attempt->under_from)};
    auto equal = co_await SameBytes(lake(), Call(), there, source, blob.length);
    const Failure failure = equal ? Failure::kRejected : lake::Classify(equal.error());
    if (equal) {
      same = *equal;
    } else if (failure == Failure::kNotFound || failure == Failure::kPrecondition) {
      judged->presumed = true;  // there is nothing left to compare it with
    } else {
      co_return Fail(std::move(equal.error()));
    }
  }
  judged->verdict = same ? Verdict::kOurs : Verdict::kForeign;
  co_return Result<>{};
}

Task<bool> OffloadWriter::SameAsHere(lake::BlobState there, meta::BlobRecord blob) {
  for (std::uint64_t at = 0; at < blob.length; at += kComparedAtATime) {
    const std::uint64_t length = std::min(kComparedAtATime, blob.length - at);
    FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<lake::Content> here,
                           co_await ReadRange(services_, Context(), bytes_,
                                              options_.bytes_in_flight, {blob.body, at, length}));
    FB_CO_ASSIGN_OR_RETURN(
        const std::string piece,
        co_await ReadLakeRange(lake(), Call(), {there.name, there.etag()}, at, length));
    if (AsText(here->memory()) != piece) co_return false;
  }
  co_return true;
}

Task<> OffloadWriter::FindSource(std::shared_ptr<WorkAttempt> attempt) {
  const meta::BlobRecord& blob = attempt->blob();
  if (!blob.body.in_lake) co_return Result<>{};  // all of it goes up
  auto source = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.from)});
  if (!source && lake::Classify(source.error()) != Failure::kNotFound) {
    co_return Fail(std::move(source.error()));
  }
  if (!source || source->directory) co_return Result<>{};
  attempt->under_from = source->etag().str();
  if (!blob.lake || blob.lake->etag != attempt->under_from) attempt->source_changed = true;
  co_return Result<>{};
}

Task<WriteOutcome> OffloadWriter::MoveAnew(AttemptPtr attempt) {
  WriteOutcome outcome;
  if (!attempt->blob().body.in_lake) co_return co_await WriteContent(attempt, attempt->under);
  outcome.etag = attempt->under;
  outcome.unbound = true;
  co_return outcome;
}

Task<std::optional<ForeignBlob>> OffloadWriter::ForeignSource(AttemptPtr attempt, Error error) {
  ForeignBlob foreign{attempt->work.from, attempt->under_from, std::nullopt, std::move(error)};
  auto source = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.from)});
  if (!source && lake::Classify(source.error()) != Failure::kNotFound) {
    co_return Fail(std::move(source.error()));
  }
  if (source && source->etag().str() == attempt->under_from) co_return std::nullopt;
  if (source) foreign.theirs = std::move(*source);
  co_return foreign;
}

Task<WriteOutcome> OffloadWriter::MoveInLake(AttemptPtr attempt) {
  const ChangeWork& work = attempt->work;
  std::string under = attempt->under;
  WriteOutcome outcome;
  for (int tries = 0; tries < kTries; ++tries) {
    lake::RenameRequest request;
    request.source = lake::BlobName(work.from);
    request.destination = lake::BlobName(work.name);
    request.source_match = lake::ETag(attempt->under_from);
    request.conditions = Expecting(under);
    auto done = co_await lake().Rename(Call(), std::move(request));
    if (done) {
      outcome.etag = done->etag.str();
      outcome.body = attempt->blob().body.id;
      co_return outcome;
    }
    if (!MustLook(done.error())) co_return Fail(std::move(done.error()));
    if (done.error().code() == Code::kRenameDestinationParentPathNotFound) {
      // Directories that stand above blobs only have not been told to the lake.
      auto made =
          co_await EnsureDirectory(lake(), Call(), work.name.substr(0, work.name.rfind('/')), {});
      if (!made) co_return Fail(std::move(made.error()));
      continue;
    }
    FB_CO_ASSIGN_OR_RETURN(Judged judged, co_await JudgeMoved(attempt, under));
    if (judged.verdict == Verdict::kForeign) {
      outcome.foreign = {work.name, under, std::move(judged.state), done.error()};
      co_return outcome;
    }
    if (judged.verdict == Verdict::kOurs) {
      // Moved before; or the write of these bytes was, and the source is still to go.
      FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                             co_await Remove(attempt, work.from, attempt->under_from));
      if (removed.foreign) co_return removed;
      outcome.etag = judged.state->etag().str();
      if (!judged.presumed) outcome.body = attempt->blob().body.id;
      co_return outcome;
    }
    const bool replaced_is_gone = !judged.state && !under.empty();
    if (!judged.state) under.clear();
    const bool source_changed = lake::Classify(done.error()) != Failure::kUnknownOutcome;
    if (!source_changed || replaced_is_gone) continue;
    if (GoneLater(*attempt, work.name)) co_return co_await MoveAnew(attempt);
    FB_CO_ASSIGN_OR_RETURN(outcome.foreign, co_await ForeignSource(attempt, done.error()));
    if (outcome.foreign) co_return outcome;
  }
  co_return Fail(TryAgain());
}

Task<lake::BlobState> OffloadWriter::AwaitCopy(std::string name, std::string copy_id) {
  OpContext context = Context();
  context.deadline = SteadyTime::max();
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(lake::BlobState state,
                           co_await lake().Head(Call(), {.name = lake::BlobName(name)}));
    if (state.properties.copy.id != copy_id) {
      co_return Fail(Code::kConditionNotMet, "Somebody wrote over the copy.");
    }
    if (state.properties.copy.status == lake::CopyStatus::kSuccess) co_return state;
    if (state.properties.copy.status != lake::CopyStatus::kPending) {
      co_return Fail(Code::kServerBusy, "The lake's copy failed.");
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(kCopyPoll, context));
  }
}

// Over a flat lake a file moves as a copy and a delete.
Task<WriteOutcome> OffloadWriter::CopyInLake(AttemptPtr attempt) {
  const ChangeWork& work = attempt->work;
  const meta::BlobRecord& blob = attempt->blob();
  std::string under = attempt->under;
  WriteOutcome outcome;
  outcome.body = blob.body.id;
  for (int tries = 0; tries < kTries && outcome.etag.empty(); ++tries) {
    lake::CopyRequest request;
    request.source = lake::BlobName(work.from);
    request.destination = lake::BlobName(work.name);
    request.source_match = lake::ETag(attempt->under_from);
    request.conditions = Expecting(under);
    request.tags = blob.tags;
    if (!blob.tier_inferred) request.tier = blob.tier;
    request.synchronous = blob.length <= kSynchronousCopyBytes;
    auto copied = co_await lake().Copy(Call(), std::move(request));
    if (copied && copied->status == lake::CopyStatus::kPending) {
      FB_CO_ASSIGN_OR_RETURN(const lake::BlobState state,
                             co_await AwaitCopy(work.name, copied->copy_id));
      outcome.etag = state.etag().str();
    } else if (copied) {
      outcome.etag = copied->write.etag.str();
    } else if (!MustLook(copied.error())) {
      co_return Fail(std::move(copied.error()));
    } else {
      FB_CO_ASSIGN_OR_RETURN(Judged judged, co_await JudgeMoved(attempt, under));
      if (judged.verdict == Verdict::kForeign) {
        outcome.foreign = {work.name, under, std::move(judged.state), copied.error()};
        co_return outcome;
      }
      if (judged.verdict == Verdict::kOurs) {
        outcome.etag = judged.state->etag().str();
        if (judged.presumed) outcome.body.reset();
        continue;
      }
      const bool replaced_is_gone = !judged.state && !under.empty();
      if (!judged.state) under.clear();
      if (replaced_is_gone || lake::Classify(copied.error()) == Failure::kUnknownOutcome) continue;
      // The target is as it was; so it is the source that is not.
      if (GoneLater(*attempt, work.name)) co_return co_await MoveAnew(attempt);
      FB_CO_ASSIGN_OR_RETURN(outcome.foreign, co_await ForeignSource(attempt, copied.error()));
      if (outcome.foreign) co_return outcome;
    }
  }
  if (outcome.etag.empty()) co_return Fail(TryAgain());
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                         co_await Remove(attempt, work.from, attempt->under_from));
  if (removed.foreign) co_return removed;
  co_return outcome;
}

}  // namespace forebay::tier
