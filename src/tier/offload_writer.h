// One piece of work of the offload against the lake: what it takes to make a name there what it is
// here, and no more.
//
// Every write is conditional on what the lake was last known to have, or on absence. One whose
// answer was lost, or whose condition fails, is looked up before anything is concluded: it may be
// this work's, or that of an earlier change of the name that this one stands for (a former process
// may have sent it). What is neither is somebody else's, and reported as `foreign`: nothing was
// written.
//
// Thread safe; a call runs on its caller's executor and spreads block uploads over the worker loop.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "async/semaphore.h"
#include "engine/services.h"
#include "lake/recognize.h"
#include "tier/attachments.h"
#include "tier/offload_log.h"
#include "tier/offload_options.h"
#include "tier/upload_body.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

// What is known of a large body's blocks in the lake. One user at a time.
struct StagedBody {
  std::vector<UploadBlock> blocks;  // empty: not cut yet
  std::set<std::string> there;      // ids
  bool listed = false;              // `there` began with what the lake said
  bool expired = false;             // a commit missed some: the lake must be asked
};

struct WorkAttempt {
  ChangeWork work;
  std::vector<LoggedChangePtr> changes;  // ascending; the last one is the work's own
  // What the lake has under the name, under work.from, and under each of work.gone.
  std::string under;
  std::string under_from;
  std::vector<std::string> under_gone;
  // Changes of its names behind it that a former process may have sent as well.
  std::vector<LoggedChangePtr> later;
  // True where nobody can have sent anything of it yet.
  bool fresh = false;
  // It is decided that ours is to be under the new name, whatever the lake has under the old one.
  bool source_changed = false;
  // The directory that the name was in is deleted behind it, with the name: nothing is written any
  // more, and what was to be moved there goes from where it is.
  bool target_gone = false;
  std::shared_ptr<StagedBody> staged;

  const meta::ChangeRecord& last() const { return changes.back()->record; }
  const meta::BlobRecord& blob() const { return last().blob; }
  // By one of `changes` there is nothing under the name.
  bool gone_before(const std::string& name) const;
  // By what a former process may have sent of `later` there is nothing, or all of something else,
  // under the name.
  bool gone_later(const std::string& name) const;
  bool written_later(const std::string& name) const;
};

struct ForeignBlob {
  std::string name;
  std::string expected;
  std::optional<lake::BlobState> theirs;
  Error error;
};

struct WriteOutcome {
  std::string etag;                  // under the work's name now; empty: nothing
  std::optional<meta::BodyId> body;  // set where its bytes were written
  std::optional<ForeignBlob> foreign;
  bool unbound = false;  // FinishedWork::unbound
  bool left = false;     // FinishedWork::left
  // Beside `foreign`: the ETag that the source of a move has got by what was said of it before.
  std::optional<std::string> said;
};

class OffloadWriter {
 public:
  // All outlive the writer.
  OffloadWriter(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
                const OffloadOptions& options);

  Task<WriteOutcome> Write(std::shared_ptr<const WorkAttempt> attempt);
  // What is moved is in a directory that is deleted behind the move: asks the lake what it has
  // there. Where that may be something else than what moved here, or nothing, the attempt says so.
  // `known`: the ETag that it had.
  Task<> FindSource(std::shared_ptr<WorkAttempt> attempt, std::string known);
  // Sends the blocks of a large body ahead of its turn.
  Task<> Stage(std::string name, meta::BlobRecord blob, std::shared_ptr<StagedBody> staged);
  bool GoesInBlocks(const meta::BlobRecord& blob) const {
    return !blob.directory && blob.length > options_.single_put_bytes;
  }

 private:
  using AttemptPtr = std::shared_ptr<const WorkAttempt>;
  struct Judged {
    lake::Verdict verdict = lake::Verdict::kForeign;
    std::optional<lake::BlobState> state;
    // Nothing says otherwise; but nobody has compared the bytes …
    bool presumed = false;
    // … and there is nothing else that would tell it from somebody else's.
    bool unsure = false;

    // What is there may be written over by who follows, unless it may be somebody else's.
    std::string etag() const { return unsure ? std::string(kUnboundETag) : state->etag().str(); }
  };
  struct StageRun;

  Task<WriteOutcome> WriteContent(AttemptPtr attempt, std::string expected);
  Task<lake::WriteAnswer> PutOnce(AttemptPtr attempt, std::string expected, bool blocks);
  Task<lake::WriteAnswer> PutWhole(AttemptPtr attempt, std::string expected);
  Task<lake::WriteAnswer> PutBlocks(AttemptPtr attempt, std::string expected);
  // Nothing yet, in place of a file that takes no blocks, and is too large for PutWhole.
  Task<lake::WriteAnswer> PutEmpty(AttemptPtr attempt, std::string expected);
  Task<lake::Fingerprint> ContentPrint(meta::BlobRecord blob, std::string expected, bool blocks,
                                       std::shared_ptr<StagedBody> staged);
  Task<Judged> JudgeContent(AttemptPtr attempt, std::string expected, bool blocks);
  // What is there is what another change of ours has made.
  Task<bool> IsOtherOfOurs(AttemptPtr attempt, lake::BlobState there);
  // What is there is what one of these has written.
  Task<bool> IsOneOf(std::vector<LoggedChangePtr> changes, lake::BlobState there);
  // The lake's state is what an earlier change of attributes has made.
  Task<bool> IsEarlierChange(AttemptPtr attempt, std::string etag);
  Task<WriteOutcome> WriteDirectory(AttemptPtr attempt);
  Task<WriteOutcome> RemoveFile(AttemptPtr attempt);
  // Of a flat lake.
  Task<WriteOutcome> WriteMarker(AttemptPtr attempt, lake::Metadata metadata);

  Task<WriteOutcome> WriteParts(AttemptPtr attempt, std::string expected);
  Task<WriteOutcome> WriteEachPart(AttemptPtr attempt, std::string expected);
  Task<WriteOutcome> ChangeText(AttemptPtr attempt, std::string expected, lake::Change change,
                                lake::Fingerprint print);
  Task<WriteOutcome> WriteAccess(AttemptPtr attempt, std::string expected);

  // Directories that these changes delete go first, whatever has their names since: no write
  // replaces one. What is answered knows of nothing under their names any more.
  Task<AttemptPtr> WithoutDirectories(AttemptPtr attempt);
  // kForeign in the outcome where it is not what it was believed to be.
  Task<WriteOutcome> Remove(AttemptPtr attempt, std::string name, std::string expected);
  Task<WriteOutcome> Move(AttemptPtr attempt);
  // The headers and metadata that the blob got before it moved, under its old name.
  Task<WriteOutcome> SayBeforeMove(AttemptPtr attempt);
  Task<WriteOutcome> MoveFrom(AttemptPtr attempt);
  // There is nothing under the old name: moved before, or taken away by somebody else.
  Task<WriteOutcome> MovedBefore(AttemptPtr attempt);
  // The name went with its directory: whether a former process has written there what is in the
  // lake now, which then goes with the directory.
  Task<WriteOutcome> LookWhatIsLeft(AttemptPtr attempt);
  Task<WriteOutcome> MoveInLake(AttemptPtr attempt);
  Task<WriteOutcome> CopyInLake(AttemptPtr attempt);
  Task<lake::BlobState> AwaitCopy(std::string name, std::string copy_id);
  Task<Judged> JudgeMoved(AttemptPtr attempt, std::string under);
  // In the judged verdict: whether the bytes there are those that moved.
  Task<> JudgeMovedBytes(AttemptPtr attempt, Judged* judged);
  // The bytes were moved before, and have been moved on since: what is here goes there anew, over
  // what the lake has `under` the new name by now.
  Task<WriteOutcome> MoveAnew(AttemptPtr attempt, std::string under);
  // nullopt: the source is as it was.
  Task<std::optional<ForeignBlob>> ForeignSource(AttemptPtr attempt, Error error);
  // nullopt: there is nothing left of the source to compare it with.
  Task<std::optional<bool>> SameAsSource(AttemptPtr attempt, lake::BlobState there);
  Task<bool> SameAsHere(lake::BlobState there, meta::BlobRecord blob);

  Task<> StageMissing(std::string name, meta::BlobRecord blob, std::shared_ptr<StagedBody> staged);
  Task<> StageSome(std::shared_ptr<StageRun> run);
  Task<> ListBlocks(std::string name, std::shared_ptr<StagedBody> staged);
  OpContext Context() const;
  lake::LakeCall Call() const { return {Context(), lake::Cause::kOffload}; }
  lake::ObjectLake& lake() { return *attachment_->lake; }

  engine::Services& services_;
  WorkerLoop& loop_;
  const AttachmentPtr attachment_;
  const OffloadOptions& options_;
  Semaphore bytes_;
};

}  // namespace forebay::tier
