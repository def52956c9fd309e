#include "tier/offload_writer.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/this_coro.hpp>
#include <mutex>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/checksum.h"
#include "lake/failure.h"
#include "tier/lake_directories.h"
#include "tier/pinned_write.h"

namespace forebay::tier {
namespace {

using lake::Failure;
using lake::Verdict;

std::optional<lake::AccessTier> TierOf(const meta::BlobRecord& blob) {
  if (blob.tier_inferred) return std::nullopt;
  return blob.tier;
}

// Metadata of a file that is about to be written in blocks: the ETag of the one in whose place it
// is.
constexpr std::string_view kInPlaceOf = "forebay_in_place_of";
std::string InPlaceOf(const WorkAttempt& attempt) {
  return attempt.under.empty() ? "nothing" : attempt.under;
}

// Not only that there is a directory, but something about it.
bool SaysMore(const WorkAttempt& attempt) { return (attempt.work.parts & kAttributesPart) != 0; }

}  // namespace

OffloadWriter::OffloadWriter(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
                             const OffloadOptions& options)
    : services_(services),
      loop_(loop),
      attachment_(std::move(attachment)),
      options_(options),
      bytes_(options.bytes_in_flight) {}

OpContext OffloadWriter::Context() const {
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + options_.request_time;
  context.cancel = loop_.token();
  return context;
}

Task<WriteOutcome> OffloadWriter::Write(AttemptPtr attempt) {
  if (!attempt->target_gone) {
    FB_CO_ASSIGN_OR_RETURN(attempt, co_await WithoutDirectories(attempt));
  }
  const ChangeWork& work = attempt->work;
  WriteOutcome outcome;
  outcome.etag = attempt->under;
  if (attempt->target_gone) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await LookWhatIsLeft(attempt));
    if (!work.from.empty() && work.from != work.name) {
      FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                             co_await Remove(attempt, work.from, attempt->under_from));
      if (removed.foreign) co_return removed;
    }
  } else if (work.kind == ChangeKind::kDelete) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await Remove(attempt, work.name, attempt->under));
  } else if (work.kind == ChangeKind::kRename) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await Move(attempt));
  } else if (attempt->blob().directory) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteDirectory(attempt));
  } else if ((work.parts & kContentPart) != 0) {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteContent(attempt, attempt->under));
  } else {
    FB_CO_ASSIGN_OR_RETURN(outcome, co_await WriteParts(attempt, attempt->under));
  }
  if (outcome.foreign) co_return outcome;
  for (std::size_t i = 0; i < work.gone.size(); ++i) {
    FB_CO_ASSIGN_OR_RETURN(WriteOutcome removed,
                           co_await Remove(attempt, work.gone[i], attempt->under_gone[i]));
    if (removed.foreign) co_return removed;
  }
  co_return outcome;
}

// --- Bytes.

Task<WriteOutcome> OffloadWriter::WriteContent(AttemptPtr attempt, std::string expected) {
  const meta::BlobRecord& blob = attempt->blob();
  WriteOutcome outcome;
  if (blob.copy.status == azure::CopyStatus::kPending) {
    // An empty placeholder; the copy's end is a change of its own.
    outcome.etag = expected;
    co_return outcome;
  }
  bool blocks = GoesInBlocks(blob);
  bool wrong_md5 = false;
  for (int tries = 0; tries < kWriteTries; ++tries) {
    auto written = co_await PutOnce(attempt, expected, blocks);
    if (written) {
      outcome.etag = written->etag.str();
      outcome.body = blob.body.id;
      co_return outcome;
    }
    Code code = written.error().code();
    if (blocks && (code == Code::kInvalidBlobType || code == Code::kInvalidBlobOrBlock)) {
      // What stands there was not made of blocks, or somebody left blocks there whose ids are of
      // another length than ours: only a whole write replaces it.
      if (blob.length <= options_.largest_put_bytes && !wrong_md5) {
        blocks = false;
        continue;
      }
      written = co_await PutEmpty(attempt, expected);
      if (written) {
        expected = written->etag.str();
        *attempt->staged = {};
        attempt->staged->expired = true;
        continue;
      }
      code = written.error().code();
    }
    if (code == Code::kInvalidBlockList) {
      // Staged blocks expired: look anew at what is there.
      *attempt->staged = {};
      attempt->staged->expired = true;
      continue;
    }
    if (code == Code::kMd5Mismatch && !blocks && blob.length > 0) {
      // The blob was given an MD5 that is not that of its bytes; a block list takes any.
      blocks = wrong_md5 = true;
      continue;
    }
    if (!MustLook(written.error())) co_return Fail(std::move(written.error()));
    FB_CO_ASSIGN_OR_RETURN(Judged judged,
                           co_await JudgeContent(attempt, expected, blocks || GoesInBlocks(blob)));
    if (judged.verdict == Verdict::kOurs) {
      outcome.etag = judged.state->etag().str();
      outcome.body = blob.body.id;
      co_return outcome;
    }
    if (judged.verdict == Verdict::kForeign) {
      outcome.foreign = {attempt->work.name, expected, std::move(judged.state), written.error()};
      co_return outcome;
    }
    // As it was, or an earlier change of ours: write over that.
    expected = judged.state ? judged.state->etag().str() : std::string();
  }
  co_return Fail(KeepsChanging());
}

Task<lake::WriteAnswer> OffloadWriter::PutOnce(AttemptPtr attempt, std::string expected,
                                               bool blocks) {
  if (blocks) co_return co_await PutBlocks(std::move(attempt), std::move(expected));
  co_return co_await PutWhole(std::move(attempt), std::move(expected));
}

Task<lake::WriteAnswer> OffloadWriter::PutWhole(AttemptPtr attempt, std::string expected) {
  const meta::BlobRecord& blob = attempt->blob();
  lake::PutRequest request;
  request.name = lake::BlobName(attempt->work.name);
  const BodyRange all{blob.body, 0, blob.length};
  lake::LakeCall call = Call();
  if (GoesInBlocks(blob)) {
    // As much time as its blocks would have had, one after the other.
    call.context.deadline +=
        options_.request_time * static_cast<std::int64_t>(blob.length / options_.block_bytes);
    request.content = StreamRange(services_, call.context, bytes_, options_.bytes_in_flight, all,
                                  options_.block_bytes);
  } else {
    FB_CO_ASSIGN_OR_RETURN(request.content, co_await ReadRange(services_, Context(), bytes_,
                                                               options_.bytes_in_flight, all));
  }
  request.http = blob.http;
  request.metadata = blob.metadata;
  request.tags = blob.tags;
  request.tier = TierOf(blob);
  request.conditions = Expecting(expected);
  co_return co_await lake().Put(std::move(call), std::move(request));
}

Task<lake::WriteAnswer> OffloadWriter::PutEmpty(AttemptPtr attempt, std::string expected) {
  lake::PutRequest request;
  request.name = lake::BlobName(attempt->work.name);
  request.metadata = attempt->blob().metadata;
  std::erase_if(request.metadata, [](const auto& entry) { return entry.first == kInPlaceOf; });
  request.metadata.emplace_back(kInPlaceOf, InPlaceOf(*attempt));
  request.conditions = Expecting(expected);
  co_return co_await lake().Put(Call(), std::move(request));
}

Task<lake::WriteAnswer> OffloadWriter::PutBlocks(AttemptPtr attempt, std::string expected) {
  const meta::BlobRecord& blob = attempt->blob();
  StagedBody& staged = *attempt->staged;
  // Nothing can be there of what nobody has sent.
  if (attempt->fresh && expected.empty() && !staged.expired) staged.listed = true;
  FB_CO_RETURN_IF_ERROR(co_await StageMissing(attempt->work.name, blob, attempt->staged));
  lake::CommitRequest request;
  request.name = lake::BlobName(attempt->work.name);
  for (const UploadBlock& block : staged.blocks) {
    request.blocks.push_back({block.id, lake::BlockSource::kLatest});
  }
  request.http = blob.http;
  request.metadata = blob.metadata;
  request.tags = blob.tags;
  request.tier = TierOf(blob);
  request.conditions = Expecting(expected);
  co_return co_await lake().CommitBlocks(Call(), std::move(request));
}

// Whoever made it, a directory is a directory. What it says about itself is what somebody said
// last: nothing else is lost, so others' changes of that are not looked for.
Task<WriteOutcome> OffloadWriter::WriteDirectory(AttemptPtr attempt) {
  const lake::Metadata marked = Marked(attempt->blob().metadata);
  if (!attachment_->record.lake_hierarchical) co_return co_await WriteMarker(attempt, marked);
  const lake::BlobName name(attempt->work.name);
  WriteOutcome outcome;
  for (int tries = 0; tries < kWriteTries; ++tries) {
    auto made = co_await EnsureDirectory(lake(), Call(), name.str(), Unmarked(marked));
    if (!made && made.error().code() == Code::kPathConflict) {
      FB_CO_ASSIGN_OR_RETURN(outcome, co_await RemoveFile(attempt));
      if (outcome.foreign) co_return outcome;
      continue;
    }
    if (!made) co_return Fail(std::move(made.error()));
    outcome.etag = made->etag;
    if (!made->was_there || !SaysMore(*attempt)) co_return outcome;
    lake::UpdateRequest request;
    request.name = name;
    request.change = lake::SetMetadata{marked};
    // Not of what has taken its place meanwhile.
    request.conditions.match = lake::ETag(made->etag);
    auto told = co_await lake().Update(Call(), std::move(request));
    if (told) {
      outcome.etag = told->etag.str();
      co_return outcome;
    }
    if (!MustLook(told.error())) co_return Fail(std::move(told.error()));
  }
  co_return Fail(KeepsChanging());
}

// The file that the directory took the place of here.
Task<WriteOutcome> OffloadWriter::RemoveFile(AttemptPtr attempt) {
  const std::string& name = attempt->work.name;
  if (!attempt->under.empty()) co_return co_await Remove(attempt, name, attempt->under);
  auto there = co_await lake().Head(Call(), {.name = lake::BlobName(name)});
  WriteOutcome outcome;
  if (!there && lake::Classify(there.error()) == Failure::kNotFound) co_return outcome;
  if (!there) co_return Fail(std::move(there.error()));
  outcome.foreign = {name,
                     {},
                     std::move(*there),
                     Error(Code::kPathConflict, "A file stands where a directory is here.")};
  co_return outcome;
}

// As Hadoop's drivers leave it in a flat lake, so that an empty directory is one there.
Task<WriteOutcome> OffloadWriter::WriteMarker(AttemptPtr attempt, lake::Metadata metadata) {
  WriteOutcome outcome;
  std::string expected = attempt->under;
  for (int tries = 0; tries < kWriteTries; ++tries) {
    lake::PutRequest request;
    request.name = lake::BlobName(attempt->work.name);
    request.metadata = metadata;
    request.conditions = Expecting(expected);
    auto made = co_await lake().Put(Call(), std::move(request));
    if (made) {
      outcome.etag = made->etag.str();
      co_return outcome;
    }
    if (!MustLook(made.error())) co_return Fail(std::move(made.error()));
    auto state = co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.name)});
    if (!state && lake::Classify(state.error()) != Failure::kNotFound) {
      co_return Fail(std::move(state.error()));
    }
    if (state && !state->directory) {
      outcome.foreign = {attempt->work.name, expected, std::move(*state), made.error()};
      co_return outcome;
    }
    expected = state ? state->etag().str() : std::string();
    if (state && !SaysMore(*attempt)) {
      outcome.etag = expected;
      co_return outcome;
    }
  }
  co_return Fail(KeepsChanging());
}

// --- Whose write is it?

Task<lake::Fingerprint> OffloadWriter::ContentPrint(meta::BlobRecord blob, std::string expected,
                                                    bool blocks,
                                                    std::shared_ptr<StagedBody> staged) {
  lake::Fingerprint print;
  print.before = lake::ETag(expected);
  print.length = blob.length;
  print.http = blob.http;
  print.metadata = blob.metadata;
  if (blocks) {
    if (staged->blocks.empty()) {
      FB_CO_ASSIGN_OR_RETURN(staged->blocks, co_await CutBody(services_, Context(), blob.body,
                                                              blob.length, options_.block_bytes));
    }
    print.blocks.emplace();
    for (const UploadBlock& block : staged->blocks) print.blocks->push_back(block.id);
    co_return print;
  }
  FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<lake::Content> content,
                         co_await ReadRange(services_, Context(), bytes_, options_.bytes_in_flight,
                                            {blob.body, 0, blob.length}));
  const ByteView bytes = content ? content->memory() : ByteView();
  print.content_md5 = std::string(AsText(Md5::Of(bytes)));
  co_return print;
}

Task<OffloadWriter::Judged> OffloadWriter::JudgeContent(AttemptPtr attempt, std::string expected,
                                                        bool blocks) {
  const lake::BlobName name(attempt->work.name);
  FB_CO_ASSIGN_OR_RETURN(lake::Fingerprint print,
                         co_await ContentPrint(attempt->blob(), expected, blocks, attempt->staged));
  FB_CO_ASSIGN_OR_RETURN(lake::Recognition found,
                         co_await lake::Recognize(lake(), Call(), name, std::move(print)));
  if (found.verdict != Verdict::kForeign) co_return Judged{found.verdict, std::move(found.state)};
  if (!found.state) {
    // A former process may have sent a change that this one has swallowed since, or one that
    // follows.
    const bool ours = attempt->gone_before(name.str()) || attempt->gone_later(name.str());
    co_return Judged{ours ? Verdict::kUntouched : Verdict::kForeign, std::nullopt};
  }
  FB_CO_ASSIGN_OR_RETURN(const bool ours, co_await IsOtherOfOurs(attempt, *found.state));
  co_return Judged{ours ? Verdict::kUntouched : Verdict::kForeign, std::move(found.state)};
}

// A former process may have sent a change that this one has swallowed since, or one that follows.
Task<bool> OffloadWriter::IsOtherOfOurs(AttemptPtr attempt, lake::BlobState there) {
  const lake::BlobName name(attempt->work.name);
  std::vector<LoggedChangePtr> others(attempt->changes.rbegin() + 1, attempt->changes.rend());
  others.insert(others.end(), attempt->later.begin(), attempt->later.end());
  there.name = name;
  FB_CO_ASSIGN_OR_RETURN(const bool other, co_await IsOneOf(std::move(others), there));
  if (other) co_return true;
  FB_CO_ASSIGN_OR_RETURN(const bool earlier, co_await IsEarlierChange(attempt, there.etag().str()));
  if (earlier) co_return true;
  // An empty file that a former attempt has put in the place of what was expected.
  const auto mark = std::ranges::find_if(
      there.metadata, [](const auto& entry) { return entry.first == kInPlaceOf; });
  if (mark != there.metadata.end() && mark->second == InPlaceOf(*attempt) && there.length() == 0) {
    co_return true;
  }
  // The same bytes without what tells them (a move leaves no block ids): nothing is lost by writing
  // them again.
  const meta::BlobRecord& blob = attempt->blob();
  const bool told = !there.properties.http.content_md5.empty() && !GoesInBlocks(blob);
  const bool content = (attempt->work.parts & kContentPart) != 0 && !blob.body.in_lake;
  if (told || !content || blob.length == 0 || there.length() != blob.length) co_return false;
  co_return co_await SameAsHere(std::move(there), blob);
}

Task<bool> OffloadWriter::IsOneOf(std::vector<LoggedChangePtr> changes, lake::BlobState there) {
  for (const LoggedChangePtr& change : changes) {
    const meta::ChangeRecord& other = change->record;
    // Of an empty body there is nothing to hold, whether it was written or moved here.
    const bool bytes =
        other.kind == meta::ChangeKind::kContent || other.kind == meta::ChangeKind::kRename;
    if (other.name != there.name.str() || !bytes || other.blob.body.in_lake) continue;
    if (other.blob.length != there.length()) continue;
    FB_CO_ASSIGN_OR_RETURN(lake::Fingerprint print,
                           co_await ContentPrint(other.blob, {}, GoesInBlocks(other.blob),
                                                 std::make_shared<StagedBody>()));
    FB_CO_ASSIGN_OR_RETURN(const lake::Recognition found,
                           co_await lake::Recognize(lake(), Call(), there.name, std::move(print)));
    if (found.verdict == Verdict::kOurs) co_return found.state->etag() == there.etag();
  }
  co_return false;
}

// Only where an MD5 says that the bytes are those that it was a change of. `etag`: of what is
// there.
Task<bool> OffloadWriter::IsEarlierChange(AttemptPtr attempt, std::string etag) {
  FB_CO_ASSIGN_OR_RETURN(
      const lake::BlobState there,
      co_await lake().Head(Call(), {.name = lake::BlobName(attempt->work.name)}));
  if (there.etag().str() != etag) co_return false;
  for (const LoggedChangePtr& change : attempt->changes) {
    const meta::ChangeRecord& earlier = change->record;
    const bool text =
        earlier.kind == meta::ChangeKind::kHeaders || earlier.kind == meta::ChangeKind::kMetadata;
    if (!text || earlier.name != attempt->work.name) continue;
    const meta::BlobRecord& blob = earlier.blob;
    if (blob.http.content_md5.empty() || blob.length != there.length()) continue;
    if (blob.http.content_md5 == there.properties.http.content_md5 &&
        blob.metadata == there.metadata) {
      co_return true;
    }
  }
  co_return false;
}

// --- Blocks.

// Some coroutines take blocks from one list until it ends or one of them fails.
struct OffloadWriter::StageRun {
  std::string name;
  meta::BodyRef body;
  std::vector<UploadBlock> missing;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::vector<std::string> sent;  // ids
};

Task<> OffloadWriter::Stage(std::string name, meta::BlobRecord blob,
                            std::shared_ptr<StagedBody> staged) {
  co_return co_await StageMissing(std::move(name), std::move(blob), std::move(staged));
}

Task<> OffloadWriter::ListBlocks(std::string name, std::shared_ptr<StagedBody> staged) {
  auto lists = co_await lake().GetBlockList(Call(), lake::BlobName(name));
  if (!lists && lake::Classify(lists.error()) != Failure::kNotFound) {
    co_return Fail(std::move(lists.error()));
  }
  staged->listed = true;
  if (!lists) co_return Result<>{};
  for (const auto* list : {&lists->committed, &lists->uncommitted}) {
    for (const lake::ListedBlock& block : *list) staged->there.insert(block.id.str());
  }
  co_return Result<>{};
}

Task<> OffloadWriter::StageMissing(std::string name, meta::BlobRecord blob,
                                   std::shared_ptr<StagedBody> staged) {
  if (staged->blocks.empty()) {
    FB_CO_ASSIGN_OR_RETURN(staged->blocks, co_await CutBody(services_, Context(), blob.body,
                                                            blob.length, options_.block_bytes));
  }
  if (!staged->listed) FB_CO_RETURN_IF_ERROR(co_await ListBlocks(name, staged));
  auto run = std::make_shared<StageRun>();
  run->name = name;
  run->body = blob.body;
  std::set<std::string> listed;
  for (const UploadBlock& block : staged->blocks) {
    const std::string id = block.id.str();
    if (!staged->there.contains(id) && listed.insert(id).second) run->missing.push_back(block);
  }
  if (run->missing.empty()) co_return Result<>{};
  TaskGroup group(co_await boost::asio::this_coro::executor);
  const std::size_t lanes = std::min(options_.blocks_at_a_time, run->missing.size());
  for (std::size_t i = 0; i < lanes; ++i) group.Spawn(loop_.Next(), StageSome(run));
  auto done = co_await group.Join();
  staged->there.insert(run->sent.begin(), run->sent.end());
  co_return done;
}

Task<> OffloadWriter::StageSome(std::shared_ptr<StageRun> run) {
  while (!run->failed) {
    const std::size_t index = run->next++;
    if (index >= run->missing.size()) break;
    const UploadBlock& block = run->missing[index];
    lake::PutBlockRequest request;
    request.name = lake::BlobName(run->name);
    request.id = block.id;
    auto content = co_await ReadRange(services_, Context(), bytes_, options_.bytes_in_flight,
                                      {run->body, block.offset, block.length});
    Result<> sent;
    if (content) {
      request.content = std::move(*content);
      sent = co_await lake().PutBlock(Call(), std::move(request));
    } else {
      sent = Fail(std::move(content.error()));
    }
    if (!sent) {
      run->failed = true;
      co_return sent;
    }
    const std::lock_guard lock(run->mutex);
    run->sent.push_back(block.id.str());
  }
  co_return Result<>{};
}

}  // namespace forebay::tier
