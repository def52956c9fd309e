// Moves of one file (see tier/offload_writer.h).
#include <algorithm>

#include "async/sleep.h"
#include "lake/failure.h"
#include "tier/lake_directories.h"
#include "tier/offload_writer.h"
#include "tier/pinned_write.h"
#include "tier/same_bytes.h"

namespace forebay::tier {
namespace {

using lake::Failure;
using lake::Verdict;

// The longest source of a copy that is done when it is answered (Put Blob From URL).
constexpr std::uint64_t kSynchronousCopyBytes = std::uint64_t{5000} << 20;
constexpr std::chrono::milliseconds kCopyPoll{1000};
constexpr std::uint64_t kComparedAtATime = 4 << 20;

bool IsText(meta::ChangeKind kind) {
  return kind == meta::ChangeKind::kHeaders || kind == meta::ChangeKind::kMetadata;
}

// Behind the last move among the changes.
std::size_t BehindMove(const std::vector<LoggedChangePtr>& changes) {
  std::size_t behind = changes.size();
  while (behind > 0 && changes[behind - 1]->record.kind != meta::ChangeKind::kRename) --behind;
  return behind;
}

// Its metadata are those that the blob had when it was moved, or at a change of it since. (Headers
// tell nothing: a lake has its own for those that were not said.)
bool LooksAsMoved(const WorkAttempt& attempt, const lake::BlobState& there) {
  const auto looks = [&there](const LoggedChangePtr& change) {
    return change->record.name == there.name.str() &&
           change->record.blob.metadata == there.metadata;
  };
  return std::ranges::any_of(attempt.changes, looks) || std::ranges::any_of(attempt.later, looks);
}

}  // namespace

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
  const std::size_t behind = BehindMove(attempt->changes);
  auto since = std::make_shared<WorkAttempt>(*attempt);  // what is said of it once it has moved
  const bool before =
      !lost && behind > 0 && std::erase_if(since->changes, [&](const LoggedChangePtr& change) {
                               return IsText(change->record.kind) &&
                                      change->number < attempt->changes[behind - 1]->number;
                             }) > 0;
  std::optional<std::string> said;
  AttemptPtr moving = attempt;
  if (before) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await SayBeforeMove(attempt));
    if (outcome.foreign && outcome.foreign->theirs) co_return outcome;
    if (!outcome.foreign) {
      said = outcome.etag;
      auto from_said = std::make_shared<WorkAttempt>(*attempt);
      from_said->under_from = *said;
      moving = std::move(from_said);
    }  // else it may have moved before: who moves it finds out
  }
  FB_CO_ASSIGN_OR_RETURN(outcome, co_await MoveFrom(moving));
  if (outcome.foreign) {
    outcome.said = said;
    co_return outcome;
  }
  if ((lost && !attempt->under_from.empty()) || !outcome.body) {
    outcome.unbound = true;
    outcome.body.reset();
    co_return outcome;
  }
  if (work.parts == 0) co_return outcome;
  const std::optional<meta::BodyId> body = outcome.body;
  FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteParts(since, outcome.etag));
  outcome.body = body;
  co_return outcome;
}

Task<WriteOutcome> OffloadWriter::MoveFrom(AttemptPtr attempt) {
  if (attempt->under_from.empty()) co_return co_await MovedBefore(attempt);
  if (attachment_->record.lake_hierarchical) co_return co_await MoveInLake(attempt);
  co_return co_await CopyInLake(attempt);
}

// What is said of a blob before it moves is said before it moves: what stands under the new name is
// then told by what the entry of the move says of it.
Task<WriteOutcome> OffloadWriter::SayBeforeMove(AttemptPtr attempt) {
  auto before = std::make_shared<WorkAttempt>(*attempt);
  before->work.kind = ChangeKind::kWrite;
  before->work.name = attempt->work.from;
  before->work.from.clear();
  before->changes.resize(BehindMove(attempt->changes));
  std::erase_if(before->changes, [](const LoggedChangePtr& change) {
    return !IsText(change->record.kind) && change->record.kind != meta::ChangeKind::kRename;
  });
  co_return co_await WriteParts(before, attempt->under_from);
}

Task<WriteOutcome> OffloadWriter::MovedBefore(AttemptPtr attempt) {
  WriteOutcome outcome;
  outcome.etag = attempt->under;
  FB_CO_ASSIGN_OR_RETURN(const Judged judged, co_await JudgeMoved(attempt, attempt->under));
  if (judged.verdict == Verdict::kOurs) {
    outcome.etag = judged.etag();
    if (!judged.presumed) outcome.body = attempt->blob().body.id;
  }
  // Else only the lake had it: what it has now is left as it is.
  co_return outcome;
}

Task<WriteOutcome> OffloadWriter::LookWhatIsLeft(AttemptPtr attempt) {
  WriteOutcome outcome;
  outcome.left = true;
  if (attempt->fresh) co_return outcome;
  auto there = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.name)});
  if (!there && lake::Classify(there.error()) != Failure::kNotFound) {
    co_return Fail(std::move(there.error()));
  }
  if (!there || there->directory) co_return outcome;
  there->name = lake::BlobName(attempt->work.name);
  FB_CO_ASSIGN_OR_RETURN(bool ours, co_await IsOneOf(attempt->changes, *there));
  if (!ours) {
    FB_CO_ASSIGN_OR_RETURN(ours, co_await IsEarlierChange(attempt, there->etag().str()));
  }
  if (!ours && attempt->work.kind == ChangeKind::kRename) {
    FB_CO_ASSIGN_OR_RETURN(const Judged judged, co_await JudgeMoved(attempt, {}));
    ours = judged.verdict == Verdict::kOurs && judged.etag() == there->etag().str();
  }
  if (!ours) co_return outcome;
  outcome.left = false;
  outcome.etag = there->etag().str();
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
  } else if (same) {
    FB_CO_ASSIGN_OR_RETURN(const std::optional<bool> equal,
                           co_await SameAsSource(attempt, *judged->state));
    same = equal ? *equal : LooksAsMoved(*attempt, *judged->state);
    judged->presumed = !equal && blob.length > 0;
    judged->unsure = judged->presumed && judged->state->metadata.empty();
  }
  judged->verdict = same ? Verdict::kOurs : Verdict::kForeign;
  co_return Result<>{};
}

Task<std::optional<bool>> OffloadWriter::SameAsSource(AttemptPtr attempt, lake::BlobState there) {
  const std::uint64_t length = attempt->blob().length;
  if (length == 0 || attempt->source_changed || attempt->under_from.empty()) co_return std::nullopt;
  const LakeBytes source{lake::BlobName(attempt->work.from), lake::ETag(attempt->under_from)};
  auto equal = co_await SameBytes(lake(), Call(), {there.name, there.etag()}, source, length);
  if (equal) co_return *equal;
  const Failure failure = lake::Classify(equal.error());
  if (failure == Failure::kNotFound || failure == Failure::kPrecondition) co_return std::nullopt;
  co_return Fail(std::move(equal.error()));
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

Task<> OffloadWriter::FindSource(std::shared_ptr<WorkAttempt> attempt, std::string known) {
  const meta::BlobRecord& blob = attempt->blob();
  auto source = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.from)});
  if (!source && lake::Classify(source.error()) != Failure::kNotFound) {
    co_return Fail(std::move(source.error()));
  }
  const bool there = source && !source->directory;
  const std::string etag = there ? source->etag().str() : std::string();
  if (!blob.body.in_lake) {
    // What somebody else has made of it is for who deletes the directory; ours goes up.
    if (there && etag == known) attempt->under_from = known;
    attempt->source_changed = attempt->under_from.empty();
    co_return Result<>{};
  }
  attempt->under_from = etag;
  attempt->source_changed = !there || !blob.lake || blob.lake->etag != etag;
  co_return Result<>{};
}

Task<WriteOutcome> OffloadWriter::MoveAnew(AttemptPtr attempt, std::string under) {
  WriteOutcome outcome;
  if (!attempt->blob().body.in_lake) co_return co_await WriteContent(attempt, std::move(under));
  outcome.etag = std::move(under);
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
  for (int tries = 0; tries < kWriteTries; ++tries) {
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
      outcome.etag = judged.etag();
      if (!judged.presumed) outcome.body = attempt->blob().body.id;
      co_return outcome;
    }
    const bool replaced_is_gone = !judged.state && !under.empty();
    if (!judged.state) under.clear();
    const bool source_changed = lake::Classify(done.error()) != Failure::kUnknownOutcome;
    if (!source_changed || replaced_is_gone) continue;
    if (attempt->gone_later(work.name)) co_return co_await MoveAnew(attempt, under);
    FB_CO_ASSIGN_OR_RETURN(outcome.foreign, co_await ForeignSource(attempt, done.error()));
    if (outcome.foreign) co_return outcome;
  }
  co_return Fail(KeepsChanging());
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
  for (int tries = 0; tries < kWriteTries && outcome.etag.empty(); ++tries) {
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
        outcome.etag = judged.etag();
        if (judged.presumed) outcome.body.reset();
        continue;
      }
      const bool replaced_is_gone = !judged.state && !under.empty();
      if (!judged.state) under.clear();
      if (replaced_is_gone || lake::Classify(copied.error()) == Failure::kUnknownOutcome) continue;
      // The target is as it was; so it is the source that is not.
      if (attempt->gone_later(work.name)) co_return co_await MoveAnew(attempt, under);
      FB_CO_ASSIGN_OR_RETURN(outcome.foreign, co_await ForeignSource(attempt, copied.error()));
      if (outcome.foreign) co_return outcome;
    }
  }
  if (outcome.etag.empty()) co_return Fail(KeepsChanging());
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                         co_await Remove(attempt, work.from, attempt->under_from));
  if (removed.foreign) co_return removed;
  co_return outcome;
}

}  // namespace forebay::tier
