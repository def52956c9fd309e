// An open file: the content of one inode while anybody on this mount has it open. All handles of
// the inode share it, so that what one writes another reads at once.
//
// FileSystem makes one with the first handle (OpenFileMaker) and drops it after Close of the last.
// It deals in content alone: names, modes and times other than mtime are FileSystem's.
//
// Threads: methods are called from any of the mount's loops, several at a time; an implementation
// orders what overlaps. State is cheap and never waits. The Remote and `where` outlive it.
// Errors are those of remote.h; the error of an upload behind the writer's back is reported once by
// the next Write, Flush or Sync, and by every Flush or Sync until one succeeds.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "vfs/remote.h"

namespace forebay::vfs {

// What of the content may differ from what the server last told. FileSystem merges it into the
// attributes that it answers.
struct OpenFileState {
  std::uint64_t size = 0;
  // Of the last write or commit of our own; absent before the first.
  std::optional<FileTime> mtime;
  bool dirty = false;  // something is not on the server yet
  ETag etag;           // of the version last seen or committed
};

struct OpenFileRequest {
  Attributes attributes;  // as fresh as the open
  // The file as the server is to be asked for it now; its path changes with renames. Any thread.
  // kFileGone where a server without numbers has it under no path any more.
  std::function<Result<FileRef>()> where;
};

enum class WriteAt : std::uint8_t { kOffset, kEnd };

class OpenFile {
 public:
  virtual ~OpenFile() = default;

  // Bytes at `offset`; fewer than asked for only at the end of the file. `direct`: O_DIRECT, past
  // any cache that is not needed to see one's own writes.
  virtual Task<std::size_t> Read(OpContext context, std::uint64_t offset, MutableByteView into,
                                 bool direct) = 0;
  // All of `data`, at `offset` or (O_APPEND) at the end as it is at that moment. A gap is zeros.
  virtual Task<> Write(OpContext context, WriteAt at, std::uint64_t offset, ByteView data,
                       bool direct) = 0;
  virtual Task<> Truncate(OpContext context, std::uint64_t size) = 0;
  // fallocate(2) with `mode` as there; kUnsupported for what cannot be expressed.
  virtual Task<> Allocate(OpContext context, int mode, std::uint64_t offset,
                          std::uint64_t length) = 0;
  // Bytes of another file to `offset`, by reference: on the server, and durable, when it returns
  // true. False: it cannot be done so, and nothing was; who asks copies the bytes, and hears of
  // errors there. `whole`: nothing of either file is left out.
  virtual Task<bool> CopyFrom(OpContext /*context*/, CopiedRange /*range*/,
                              std::uint64_t /*offset*/, bool /*whole*/) {
    co_return false;
  }
  // lseek(2) with SEEK_DATA (`data` true) and SEEK_HOLE. kNoSuchOffset.
  virtual Task<std::uint64_t> Seek(OpContext context, std::uint64_t offset, bool data) = 0;

  // close(2) of a descriptor: what was written is on the server, and other mounts that open the
  // file see it (close-to-open).
  virtual Task<> Flush(OpContext context) = 0;
  // fsync(2): the same, durable there.
  virtual Task<> Sync(OpContext context) = 0;
  // The last handle is gone: what is left is uploaded. Nothing but State is called afterwards; on
  // an error too the object holds nothing that is worth keeping.
  virtual Task<> Close(OpContext context) = 0;

  // Another handle is opened, or somebody else changed the file: `fresh` is what the server says.
  // Caches of another version are dropped, changes of our own stay. `asked`: the version here when
  // the server was asked; the answer is too old to count when it is another one now.
  virtual void Revalidate(const Attributes& fresh, const ETag& asked) = 0;
  // Somebody here has read from the version that is open, and would see a mixture if the content
  // became `fresh`: Revalidate leaves it as it is. docs/semantics.md has the rule.
  virtual bool Keeps(const Attributes& /*fresh*/) const { return false; }
  // From now on it follows what others change: it was opened for writing, or locked.
  virtual void Follow() {}
  // The kernel has pages of it and answers reads that nobody hears of here.
  virtual void AssumeRead() {}
  // Now and then: tells the server that the version is still wanted.
  virtual Task<> Touch(OpContext /*context*/) { co_return Result<>(); }
  // This mount changed something that is not the content (mode, owner, times, names), after which
  // the server calls the content of version `before` by another ETag, `fresh.etag`. Nothing to
  // drop; without effect when the version here is not `before`.
  //
  // Others do that as well. A Commit that fails with kConditionNotMet is told from a real conflict
  // by a Stat: size and mtime (nanoseconds, set by every commit) of the base say it is the same.
  virtual void Restamp(const ETag& before, const Attributes& fresh) = 0;
  virtual OpenFileState State() const = 0;
};

class OpenFileMaker {
 public:
  virtual ~OpenFileMaker() = default;
  // Quick, and without calling `where`: the inode table is locked.
  virtual std::shared_ptr<OpenFile> Make(OpenFileRequest request) = 0;
};

}  // namespace forebay::vfs
