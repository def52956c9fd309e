// BufferedFile: how changes come to the server, in one step.
#include <algorithm>

#include "async/sleep.h"
#include "base/log.h"
#include "vfs/buffered_file.h"

namespace forebay::vfs {
namespace {

// Blocks that travel with the commit itself, one by one and together. A file of a few KiB costs one
// request this way, and a thousand scattered pages no thousand.
constexpr std::size_t kInlineBlock = 256_KiB;
constexpr std::size_t kInlineTotal = 32_MiB;
// What a commit leaves in the cache: small files are often read soon after they were written.
constexpr std::size_t kKeepBlock = 1_MiB;
// How often a commit is tried again when somebody else changes the file at the same time.
constexpr int kRaces = 50;

}  // namespace

Task<std::unique_ptr<BufferedFile::Exclusive>> BufferedFile::BeginExclusive(OpContext context) {
  for (;;) {
    std::shared_ptr<Event> busy;
    {
      std::lock_guard lock(mutex_);
      busy = exclusive_;
      if (!busy) {
        exclusive_ = std::make_shared<Event>();
        co_return std::make_unique<Exclusive>(shared_from_this());
      }
    }
    FB_CO_RETURN_IF_ERROR(co_await busy->Wait(context));
  }
}

void BufferedFile::EndExclusive() {
  std::shared_ptr<Event> over;
  {
    std::lock_guard lock(mutex_);
    over = std::move(exclusive_);
  }
  over->Set();
}

Task<> BufferedFile::Flush(OpContext context) {
  {
    std::lock_guard lock(mutex_);
    if (!content_.Dirty() && !exclusive_ && !error_) co_return Result<>();
  }
  co_return co_await Commit(context);
}

Task<> BufferedFile::Sync(OpContext context) { return Flush(std::move(context)); }

Task<> BufferedFile::Close(OpContext context) {
  auto done = co_await Flush(context);
  if (!done) {
    std::lock_guard lock(mutex_);
    content_.Discard();
  }
  co_return done;
}

Task<> BufferedFile::Commit(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(auto exclusive, co_await BeginExclusive(context));
  for (int attempt = 0; attempt < kRaces; ++attempt) {
    {
      std::lock_guard lock(mutex_);
      if (!content_.Dirty()) {
        error_.reset();
        co_return Result<>();
      }
    }
    FB_CO_RETURN_IF_ERROR(co_await StageAll(context));
    FB_CO_ASSIGN_OR_RETURN(const bool done, co_await CommitOnce(context));
    if (done) co_return Result<>();
    // Two mounts that write to one file in turn: let the other one finish.
    if (attempt > 2) {
      FB_CO_RETURN_IF_ERROR(co_await SleepFor(std::chrono::milliseconds(attempt), context));
    }
  }
  co_return Fail(Code::kBusy, "Others changed the file all the time.");
}

Task<> BufferedFile::StageAll(OpContext context) {
  std::vector<BlockPtr> start, wait;
  {
    std::lock_guard lock(mutex_);
    // A full block is worth a request of its own, however small blocks are.
    const std::size_t limit = std::min(kInlineBlock, files_.options().block_bytes);
    std::size_t inline_bytes = 0;
    for (const auto& [offset, block] : content_.blocks()) {
      if (block->state == DirtyBlock::State::kOpen) {
        inline_bytes += block->length;
        if (block->length < limit && inline_bytes <= kInlineTotal) continue;
        start.push_back(block);
        wait.push_back(block);
      } else if (block->state == DirtyBlock::State::kStaging) {
        wait.push_back(block);
      }
    }
  }
  StartUploads(start);
  for (const BlockPtr& block : wait) {
    std::shared_ptr<Event> uploaded;
    {
      std::lock_guard lock(mutex_);
      uploaded = block->uploaded;
    }
    if (uploaded) FB_CO_RETURN_IF_ERROR(co_await uploaded->Wait(context));
  }
  std::lock_guard lock(mutex_);
  const bool failed = std::ranges::any_of(
      wait, [](const BlockPtr& block) { return block->state == DirtyBlock::State::kOpen; });
  if (!failed) co_return Result<>();
  error_told_ = true;
  co_return Fail(error_ ? *error_ : Error(Code::kIo, "A block could not be uploaded."));
}

CommitRequest BufferedFile::Describe(FileRef file,
                                     std::vector<std::shared_ptr<WriteMemory>>& pinned) const {
  CommitRequest request;
  request.file = std::move(file);
  for (const DirtyContent::Piece& piece : content_.Read(0, content_.size())) {
    switch (piece.kind) {
      case DirtyContent::Piece::Kind::kZero:
        request.pieces.push_back(ZeroRange{.length = piece.length});
        break;
      case DirtyContent::Piece::Kind::kBase:
        request.pieces.push_back(KeptRange{.offset = piece.offset, .length = piece.length});
        break;
      case DirtyContent::Piece::Kind::kBlock:
        pinned.push_back(piece.block->memory);
        if (piece.block->state == DirtyBlock::State::kStaged) {
          request.pieces.push_back(piece.block->staged);
        } else {
          request.pieces.push_back(
              InlineData{.data = {piece.block->At(piece.offset), piece.length}});
        }
        break;
    }
  }
  // What others have written since must not go, also where nothing of the base is kept.
  if (!content_.Replaces()) {
    request.base = content_.base();
    request.base_size = content_.base_size();
  }
  return request;
}

Task<bool> BufferedFile::CommitOnce(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
  std::vector<std::shared_ptr<WriteMemory>> pinned;  // the request points into it
  CommitRequest request;
  ETag base;
  {
    std::lock_guard lock(mutex_);
    request = Describe(std::move(file), pinned);
    base = content_.base();
  }
  auto answer = co_await files_.remote().Commit(context, std::move(request));
  if (answer) {
    Absorb(*answer);
    co_return true;
  }
  switch (answer.error().code()) {
    case Code::kConditionNotMet:
      FB_CO_RETURN_IF_ERROR(co_await Refresh(context, base));
      co_return false;
    case Code::kInvalidBlockList:
      FB_CO_RETURN_IF_ERROR(StageAgain());
      co_return false;
    default:
      co_return Fail(std::move(answer.error()));
  }
}

std::optional<CommitRequest> BufferedFile::DescribeCopy(FileRef file, CopiedRange range,
                                                        std::uint64_t offset) const {
  // Cut to nothing, and nothing written since: the copy is all of the new content.
  const bool replaces = content_.Replaces() && content_.size() == 0;
  if (content_.Dirty() && !replaces) return std::nullopt;
  const std::uint64_t limit = content_.base_limit();
  const std::uint64_t end = offset + range.length;
  CommitRequest request;
  request.file = std::move(file);
  if (offset > 0 && limit > 0) request.pieces.push_back(KeptRange{0, std::min(offset, limit)});
  if (offset > limit) request.pieces.push_back(ZeroRange{offset - limit});
  request.pieces.push_back(std::move(range));
  if (end < limit) request.pieces.push_back(KeptRange{end, limit - end});
  if (!replaces) {
    request.base = content_.base();
    request.base_size = content_.base_size();
  }
  return request;
}

// Whatever goes wrong is left to who copies the bytes then: they may be changed while the file is
// open, be of a version that is no longer the file's, or the server may be away.
Task<bool> BufferedFile::CopyFrom(OpContext context, CopiedRange range, std::uint64_t offset,
                                  bool whole) {
  {
    // What replaces an older content is seen when all of it is there.
    std::lock_guard lock(mutex_);
    const bool replaces = content_.Replaces() && content_.base_size() > 0;
    if (replaces && (!whole || content_.size() > 0)) co_return false;
  }
  if (State().size > 0 && !co_await Flush(context)) co_return false;
  const std::uint64_t length = range.length;
  FB_CO_ASSIGN_OR_RETURN(auto exclusive, co_await BeginExclusive(context));
  FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
  std::optional<CommitRequest> request;
  {
    std::lock_guard lock(mutex_);
    request = DescribeCopy(std::move(file), std::move(range), offset);
  }
  if (!request) co_return false;
  const auto answer = co_await files_.remote().Commit(context, std::move(*request));
  if (!answer) co_return false;
  Absorb(*answer, {{offset, length}});
  co_return true;
}

void BufferedFile::Absorb(const CommitAnswer& answer,
                          std::map<std::uint64_t, std::uint64_t> copied) {
  std::lock_guard lock(mutex_);
  auto next = std::make_shared<CachedVersion>(inode_, answer.etag);
  std::map<std::uint64_t, std::uint64_t> changed = std::move(copied);
  for (const auto& [offset, block] : content_.blocks()) changed[offset] = block->length;
  files_.cache().Carry(*version_, next, changed, content_.base_limit());
  for (const auto& [offset, block] : content_.blocks()) {
    if (block->HasBytes() && block->length <= kKeepBlock) {
      files_.cache().Put(next, offset, {block->At(offset), block->length});
    }
  }
  version_ = std::move(next);
  content_.Committed(answer.etag, answer.size);
  base_mtime_ = answer.mtime;
  mtime_.reset();
  error_.reset();
}

Result<> BufferedFile::StageAgain() {
  std::lock_guard lock(mutex_);
  for (const auto& [offset, block] : content_.blocks()) {
    if (block->state != DirtyBlock::State::kStaged) continue;
    if (!block->HasBytes()) {
      return Fail(Code::kIo,
                  "The server has lost blocks that were uploaded to it, and they are no "
                  "longer in memory: what was written is lost.");
    }
    block->state = DirtyBlock::State::kOpen;
    block->staged = {};
  }
  return {};
}

}  // namespace forebay::vfs
