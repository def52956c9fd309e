// BufferedFile: what changes the content, and the uploads behind it.
#include <fcntl.h>
#include <linux/falloc.h>

#include <algorithm>

#include "base/clock.h"
#include "base/log.h"
#include "vfs/buffered_file.h"

namespace forebay::vfs {
namespace {

// Beyond so many blocks a file's changes are committed: a commit can name 50,000 pieces at most,
// and between two blocks there is one more of them.
constexpr std::size_t kMaxBlocks = 8'000;
// Blocks below this are not worth a request each when memory is short.
constexpr std::size_t kWorthUploading = 256_KiB;
// How long a writer waits for memory before it looks at what uploads say.
constexpr std::chrono::seconds kMemoryTurn{1};

FileTime Now() { return {.ns = Clock::System().Now().ticks * 100}; }

}  // namespace

Result<> BufferedFile::TakeError() {
  std::lock_guard lock(mutex_);
  if (!error_ || error_told_) return {};
  error_told_ = true;
  return Fail(*error_);
}

Task<WriteMemory> BufferedFile::GetMemory(OpContext context, std::size_t bytes) {
  const std::size_t units = MemoryPool::SizeFor(bytes);
  std::optional<Permit> permit = files_.write_budget().TryAcquire(units);
  while (!permit) {
    // An upload that has failed gives nothing back: told here, or tried again.
    FB_CO_RETURN_IF_ERROR(TakeError());
    files_.Squeeze();
    OpContext turn = context;
    turn.deadline = std::min(context.deadline, Clock::System().SteadyNow() + kMemoryTurn);
    auto got = co_await files_.write_budget().Acquire(units, turn);
    if (got) {
      permit = std::move(*got);
      break;
    }
    FB_CO_RETURN_IF_ERROR(context.Check());
    if (got.error().code() != Code::kDeadlineExceeded) co_return Fail(std::move(got.error()));
  }
  co_return WriteMemory{.memory = files_.pool().Get(bytes), .permit = std::move(*permit)};
}

Task<> BufferedFile::Await(OpContext context, Step step) {
  if (step.kind == Step::Kind::kCommit) co_return co_await Commit(context);
  std::shared_ptr<Event> uploaded;
  {
    std::lock_guard lock(mutex_);
    uploaded = step.block->uploaded;
  }
  if (uploaded) FB_CO_RETURN_IF_ERROR(co_await uploaded->Wait(context));
  co_return Result<>();
}

Task<std::size_t> BufferedFile::WriteSome(OpContext context, std::uint64_t offset, ByteView data) {
  Step step;
  std::vector<BlockPtr> full;
  std::shared_ptr<Event> busy;
  {
    std::lock_guard lock(mutex_);
    busy = exclusive_;
    if (!busy) {
      step = content_.Write(offset, data);
      full = content_.TakeFull();
    }
  }
  if (busy) {
    FB_CO_RETURN_IF_ERROR(co_await busy->Wait(context));
    co_return 0;
  }
  StartUploads(full);
  if (step.kind == Step::Kind::kDone) co_return step.bytes;
  if (step.kind == Step::Kind::kUpload || step.kind == Step::Kind::kCommit) {
    FB_CO_RETURN_IF_ERROR(co_await Await(context, step));
    co_return 0;
  }
  FB_CO_ASSIGN_OR_RETURN(WriteMemory memory, co_await GetMemory(context, step.bytes));
  std::size_t taken = 0;
  {
    std::lock_guard lock(mutex_);
    if (exclusive_) co_return 0;
    if (step.kind == Step::Kind::kGrow) {
      content_.Grow(step.block, std::move(memory));
    } else {
      taken = content_.Put(offset, data, std::move(memory));
    }
    full = content_.TakeFull();
  }
  StartUploads(full);
  co_return taken;
}

Task<> BufferedFile::Write(OpContext context, WriteAt at, std::uint64_t offset, ByteView data,
                           bool /*direct*/) {
  FB_CO_RETURN_IF_ERROR(TakeError());
  bool many = false;
  if (at == WriteAt::kEnd) offset = State().size;
  for (std::size_t done = 0; done < data.size();) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t n,
                           co_await WriteSome(context, offset + done, data.subspan(done)));
    done += n;
  }
  {
    std::lock_guard lock(mutex_);
    mtime_ = Now();
    many = content_.blocks().size() > kMaxBlocks;
  }
  if (many) co_return co_await Commit(context);
  // Others wait for memory, and this file's may be all there is.
  if (files_.write_budget().waiting() > 0) Squeeze();
  co_return Result<>();
}

Task<> BufferedFile::Change(OpContext context, std::function<Step(DirtyContent&)> change) {
  for (;;) {
    Step step;
    std::shared_ptr<Event> busy;
    {
      std::lock_guard lock(mutex_);
      busy = exclusive_;
      if (!busy) step = change(content_);
      if (!busy && step.kind == Step::Kind::kDone) {
        mtime_ = Now();
        co_return Result<>();
      }
    }
    if (busy) {
      FB_CO_RETURN_IF_ERROR(co_await busy->Wait(context));
    } else {
      FB_CO_RETURN_IF_ERROR(co_await Await(context, std::move(step)));
    }
  }
}

Task<> BufferedFile::Truncate(OpContext context, std::uint64_t size) {
  if (size > files_.traits().max_file_bytes) {
    co_return Fail(Code::kFileTooLarge, "The file would be too large.");
  }
  co_return co_await Change(context,
                            [size](DirtyContent& content) { return content.Truncate(size); });
}

Task<> BufferedFile::Allocate(OpContext context, int mode, std::uint64_t offset,
                              std::uint64_t length) {
  const bool keep_size = (mode & FALLOC_FL_KEEP_SIZE) != 0;
  const int what = mode & ~FALLOC_FL_KEEP_SIZE;
  if (!keep_size && offset + length > files_.traits().max_file_bytes) {
    co_return Fail(Code::kFileTooLarge, "The file would be too large.");
  }
  if (what == 0) {
    // Room is not set aside: a server grows a file when bytes come. The length is what is promised.
    if (keep_size) co_return Result<>();
    co_return co_await Change(context, [end = offset + length](DirtyContent& content) {
      content.Extend(end);
      return Step{};
    });
  }
  if (what == FALLOC_FL_PUNCH_HOLE || what == FALLOC_FL_ZERO_RANGE) {
    const bool extend = what == FALLOC_FL_ZERO_RANGE && !keep_size;
    co_return co_await Change(context, [offset, length, extend](DirtyContent& content) {
      return content.Zero(offset, length, extend);
    });
  }
  co_return Fail(Code::kUnsupported, "Ranges of a file cannot be collapsed, inserted or unshared.");
}

void BufferedFile::MarkStaging(DirtyBlock& block) {
  block.state = DirtyBlock::State::kStaging;
  block.uploaded = std::make_shared<Event>();
}

void BufferedFile::StartUploads(const std::vector<BlockPtr>& blocks) {
  if (blocks.empty()) return;
  std::vector<BlockPtr> marked;
  {
    std::lock_guard lock(mutex_);
    for (const BlockPtr& block : blocks) {
      if (block->state != DirtyBlock::State::kOpen) continue;
      MarkStaging(*block);
      marked.push_back(block);
    }
  }
  for (BlockPtr& block : marked) files_.Spawn(Upload(shared_from_this(), std::move(block)));
}

boost::asio::awaitable<void> BufferedFile::Upload(std::shared_ptr<BufferedFile> self,
                                                  BlockPtr block) {
  // Nobody changes a block that is being staged, so its memory can be read without the lock.
  Result<StagedBlock> staged = Fail(Code::kCancelled, "The mount ends.");
  auto permit = co_await files_.uploads().Acquire(1, files_.background());
  if (permit) {
    Result<FileRef> file = self->where_();
    if (file) {
      const ByteView bytes{block->At(block->offset), block->length};
      staged = co_await files_.remote().StageBlock(files_.background(), std::move(*file), bytes);
    } else {
      staged = Fail(std::move(file.error()));
    }
  }
  if (!staged) {
    Log(LogLevel::kWarn, "A block of a file could not be uploaded",
        {{"inode", inode_.value()}, {"error", staged.error().ToString()}});
  }
  const bool keep = files_.Relaxed();
  std::shared_ptr<Event> uploaded;
  {
    std::lock_guard lock(mutex_);
    if (staged) {
      block->state = DirtyBlock::State::kStaged;
      block->staged = std::move(*staged);
      if (!keep) block->memory.reset();
    } else {
      block->state = DirtyBlock::State::kOpen;
      error_ = std::move(staged.error());
      error_told_ = false;
    }
    uploaded = std::move(block->uploaded);
  }
  uploaded->Set();
}

void BufferedFile::Squeeze() {
  std::vector<BlockPtr> large;
  bool small = false;
  {
    std::lock_guard lock(mutex_);
    if (exclusive_) return;  // a commit frees everything
    for (const auto& [offset, block] : content_.blocks()) {
      if (block->state == DirtyBlock::State::kStaged) block->memory.reset();
      if (block->state != DirtyBlock::State::kOpen) continue;
      // A new content must not be seen half written: its pieces are uploaded, whatever their size.
      const bool replaces = content_.base_limit() == 0;
      if (block->length >= kWorthUploading || replaces) {
        MarkStaging(*block);  // under the lock under which no commit was looking at it
        large.push_back(block);
      } else {
        small = true;
      }
    }
  }
  for (BlockPtr& block : large) files_.Spawn(Upload(shared_from_this(), std::move(block)));
  if (small) files_.Spawn(CommitBehind(shared_from_this()));
}

boost::asio::awaitable<void> BufferedFile::CommitBehind(std::shared_ptr<BufferedFile> self) {
  auto done = co_await self->Commit(files_.background());
  if (done) co_return;
  std::lock_guard lock(mutex_);
  error_ = std::move(done.error());
  error_told_ = false;
}

}  // namespace forebay::vfs
