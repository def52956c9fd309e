// Changes of what a blob says about itself, and deletes (see tier/offload_writer.h).
#include <algorithm>

#include "lake/failure.h"
#include "tier/lake_directories.h"
#include "tier/offload_writer.h"
#include "tier/pinned_write.h"

namespace forebay::tier {
namespace {

using lake::Failure;
using lake::Verdict;

bool Has(const std::vector<LoggedChangePtr>& changes, meta::ChangeKind kind) {
  return std::ranges::any_of(changes,
                             [kind](const auto& change) { return change->record.kind == kind; });
}

bool DeletesDirectory(const LoggedChangePtr& change) {
  return change->record.kind == meta::ChangeKind::kDelete && change->record.blob.directory;
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

// One of them deletes what has the name, or moves it away.
bool Leave(const std::vector<LoggedChangePtr>& changes, const std::string& name) {
  return std::ranges::any_of(changes, [&name](const LoggedChangePtr& change) {
    const meta::ChangeRecord& record = change->record;
    return record.from == name || (record.kind == meta::ChangeKind::kDelete && record.name == name);
  });
}

}  // namespace

bool WorkAttempt::gone_before(const std::string& name) const { return Leave(changes, name); }

bool WorkAttempt::gone_later(const std::string& name) const { return Leave(later, name); }

bool WorkAttempt::written_later(const std::string& name) const {
  return std::ranges::any_of(later, [&name](const LoggedChangePtr& change) {
    const meta::ChangeKind kind = change->record.kind;
    const bool all = kind == meta::ChangeKind::kContent || kind == meta::ChangeKind::kRename;
    return all && change->record.name == name;
  });
}

// --- Properties, metadata, tags, tier.

Task<WriteOutcome> OffloadWriter::WriteParts(AttemptPtr attempt, std::string expected) {
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome outcome, co_await WriteEachPart(attempt, expected));
  if (!outcome.foreign) co_return outcome;
  const std::string& name = attempt->work.name;
  const bool passed =
      outcome.foreign->theirs ? attempt->written_later(name) : attempt->gone_later(name);
  // The blob has gone on, and took this along; whose that was shows when it has its turn.
  if (passed) {
    outcome.foreign.reset();
    outcome.etag = expected;
  }
  co_return outcome;
}

Task<WriteOutcome> OffloadWriter::WriteEachPart(AttemptPtr attempt, std::string expected) {
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
  for (int tries = 0; tries < kWriteTries; ++tries) {
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
  co_return Fail(KeepsChanging());
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

Task<OffloadWriter::AttemptPtr> OffloadWriter::WithoutDirectories(AttemptPtr attempt) {
  if (std::ranges::none_of(attempt->changes, DeletesDirectory)) co_return attempt;
  auto rest = std::make_shared<WorkAttempt>(*attempt);
  for (const LoggedChangePtr& change : attempt->changes) {
    if (!DeletesDirectory(change)) continue;
    const std::string& name = change->record.name;
    std::string* under = name == rest->work.name ? &rest->under : nullptr;
    for (std::size_t i = 0; i < rest->work.gone.size(); ++i) {
      if (rest->work.gone[i] == name) under = &rest->under_gone[i];
    }
    // A hierarchical lake makes directories by itself, and says nothing of them; a marker that is
    // not known of never got there.
    const bool hierarchical = attachment_->record.lake_hierarchical;
    if (under == nullptr || (under->empty() && !hierarchical)) continue;
    FB_CO_ASSIGN_OR_RETURN(
        const bool no_file,
        co_await RemoveDirectory(attachment_, Call(), name, Marked(change->record.blob.metadata)));
    if (no_file) under->clear();
  }
  co_return rest;
}

Task<WriteOutcome> OffloadWriter::Remove(AttemptPtr attempt, std::string name,
                                         std::string expected) {
  WriteOutcome outcome;
  if (expected.empty()) co_return outcome;  // it never got there
  for (int tries = 0; tries < kWriteTries; ++tries) {
    lake::DeleteRequest request;
    request.name = lake::BlobName(name);
    request.conditions.match = lake::ETag(expected);
    auto done = co_await lake().Delete(Call(), std::move(request));
    if (done || lake::Classify(done.error()) == Failure::kNotFound) co_return outcome;
    if (!MustLook(done.error())) co_return Fail(std::move(done.error()));
    lake::Fingerprint print;
    print.before = lake::ETag(expected);
    print.deleted = true;
    FB_CO_ASSIGN_OR_RETURN(lake::Recognition found,
                           co_await lake::Recognize(lake(), Call(), lake::BlobName(name), print));
    if (found.verdict == Verdict::kOurs) co_return outcome;
    if (found.verdict == Verdict::kUntouched) continue;
    // It was gone before, and is what came next; whose it is shows when that has its turn.
    if (attempt->written_later(name)) co_return outcome;
    outcome.etag = expected;
    outcome.foreign = {name, expected, std::move(found.state), done.error()};
    co_return outcome;
  }
  co_return Fail(KeepsChanging());
}

}  // namespace forebay::tier
