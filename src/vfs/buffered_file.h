// An open file of a mount with a memory of its own: OpenFile as buffered_files.h makes it.
//
// Reading: bytes come from blocks not committed yet (read-your-writes), else from the shared cache,
// else from the server, in extents that a reader's habit asks for (read_ahead.h).
// Writing: bytes go into blocks (dirty_content.h); a full block is uploaded behind the writer's
// back. A flush uploads the rest and commits: one atomic step on the server, so that what is there
// is the file before or after it, also when this process dies in between.
//
// Threads: any; `mutex_` guards everything and is never held over a wait. A commit is exclusive:
// writes wait for it (reads do not), so that what it names does not change under it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "async/event.h"
#include "vfs/buffered_files.h"
#include "vfs/dirty_content.h"
#include "vfs/open_file.h"
#include "vfs/read_ahead.h"

namespace forebay::vfs {

class BufferedFile : public OpenFile, public std::enable_shared_from_this<BufferedFile> {
 public:
  BufferedFile(BufferedFiles& files, OpenFileRequest request);
  ~BufferedFile() override;

  Task<std::size_t> Read(OpContext context, std::uint64_t offset, MutableByteView into,
                         bool direct) override;
  Task<> Write(OpContext context, WriteAt at, std::uint64_t offset, ByteView data,
               bool direct) override;
  Task<> Truncate(OpContext context, std::uint64_t size) override;
  Task<> Allocate(OpContext context, int mode, std::uint64_t offset, std::uint64_t length) override;
  Task<bool> CopyFrom(OpContext context, CopiedRange range, std::uint64_t offset,
                      bool whole) override;
  Task<std::uint64_t> Seek(OpContext context, std::uint64_t offset, bool data) override;
  Task<> Flush(OpContext context) override;
  Task<> Sync(OpContext context) override;
  Task<> Close(OpContext context) override;
  void Revalidate(const Attributes& fresh, const ETag& asked) override;
  bool Keeps(const Attributes& fresh) const override;
  void Follow() override;
  void AssumeRead() override;
  Task<> Touch(OpContext context) override;
  void Restamp(const ETag& before, const Attributes& fresh) override;
  OpenFileState State() const override;

  // Uploads what it can, and lets go of what is uploaded. Any thread; never waits.
  void Squeeze();

 private:
  using BlockPtr = DirtyContent::BlockPtr;
  using Step = DirtyContent::Step;

  // --- buffered_file.cc: reading ---
  // What a read has left to fetch when the blocks have given theirs.
  struct Wanted {
    std::vector<DirtyContent::Piece> base;
    std::shared_ptr<CachedVersion> version;
    ReadAhead::Plan plan;
    std::uint64_t limit = 0;  // where the base ends
    std::size_t bytes = 0;    // of the whole read
    bool commit_first = false;
  };
  Wanted Gather(std::uint64_t offset, MutableByteView into, bool direct);
  Task<> Fetch(OpContext context, const Wanted& wanted, std::uint64_t offset, MutableByteView into);
  Task<> FetchDirect(OpContext context, const Wanted& wanted, ETag etag, std::uint64_t offset,
                     MutableByteView into);
  // Starts fetching what is not there of the plan.
  void Start(const Wanted& wanted);
  // The extent that has the byte; one that is new is being fetched. Null where there is no room.
  std::shared_ptr<Extent> StartAt(const std::shared_ptr<CachedVersion>& version, std::uint64_t at,
                                  std::uint64_t unit, std::uint64_t limit);
  boost::asio::awaitable<void> Fill(std::shared_ptr<BufferedFile> self,
                                    std::shared_ptr<CachedVersion> version,
                                    std::shared_ptr<Extent> extent);
  // With mutex_: the base is what `fresh` says. `grown`: the old one is its beginning.
  void Rebase(const Attributes& fresh, bool grown);
  // With mutex_: readers must not see it next to what they have seen.
  bool Parts(const Attributes& fresh) const;
  // With mutex_: whether what the base was is the beginning of `fresh`.
  bool IsGrown(const Attributes& fresh) const;
  // The read that was made of `wanted` may be told: the open is still at that version, or never
  // keeps one.
  bool MayTell(const Wanted& wanted);
  // The version that `stale` was is gone: finds out what there is now.
  Task<> Refresh(OpContext context, ETag stale);

  // --- buffered_file_writes.cc ---
  Task<WriteMemory> GetMemory(OpContext context, std::size_t bytes);
  // One step of a write; waits for what it needs. The bytes that it took.
  Task<std::size_t> WriteSome(OpContext context, std::uint64_t offset, ByteView data);
  // Runs `change` until it is done, waiting for what it needs.
  Task<> Change(OpContext context, std::function<Step(DirtyContent&)> change);
  Task<> Await(OpContext context, Step step);
  void StartUploads(const std::vector<BlockPtr>& blocks);  // not with mutex_
  // With mutex_: the block must not change from here on.
  static void MarkStaging(DirtyBlock& block);
  boost::asio::awaitable<void> Upload(std::shared_ptr<BufferedFile> self, BlockPtr block);
  boost::asio::awaitable<void> CommitBehind(std::shared_ptr<BufferedFile> self);
  Result<> TakeError();  // the error of an upload, once

  // --- buffered_file_flush.cc ---
  class Exclusive;
  Task<std::unique_ptr<Exclusive>> BeginExclusive(OpContext context);
  void EndExclusive();
  Task<> Commit(OpContext context);
  // Everything that is too large to travel with the commit is uploaded when it returns.
  Task<> StageAll(OpContext context);
  // One attempt: true when it is done, false when it must be tried again.
  Task<bool> CommitOnce(OpContext context);
  CommitRequest Describe(FileRef file,
                         std::vector<std::shared_ptr<WriteMemory>>& pinned) const;  // with mutex_
  // With mutex_: the commit that puts `range` to `offset`; nullopt where something waits that it
  // would have to name as well.
  std::optional<CommitRequest> DescribeCopy(FileRef file, CopiedRange range,
                                            std::uint64_t offset) const;
  // `copied`: what the commit changed besides the blocks, by offset and length.
  void Absorb(const CommitAnswer& answer, std::map<std::uint64_t, std::uint64_t> copied = {});
  Result<> StageAgain();

  BufferedFiles& files_;
  const InodeNumber inode_;
  const std::function<Result<FileRef>()> where_;

  mutable std::mutex mutex_;
  DirtyContent content_;
  std::shared_ptr<CachedVersion> version_;  // of the base
  FileTime base_mtime_;
  ReadAhead read_ahead_;
  std::optional<FileTime> mtime_;  // of the last write that is not committed
  std::optional<Error> error_;     // of an upload behind the writer's back
  bool error_told_ = false;
  std::shared_ptr<Event> exclusive_;  // while somebody commits
  bool read_ = false;                 // somebody has bytes of the base
  bool follows_ = false;              // and sees others' changes all the same
};

// Ends the exclusive time of a commit, however the commit ends.
class BufferedFile::Exclusive {
 public:
  explicit Exclusive(std::shared_ptr<BufferedFile> file) : file_(std::move(file)) {}
  ~Exclusive() { file_->EndExclusive(); }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

 private:
  const std::shared_ptr<BufferedFile> file_;
};

}  // namespace forebay::vfs
