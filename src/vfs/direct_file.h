// The plainest OpenFile: no cache, every write is a commit. For tests of everything else, and as
// the yardstick of what OpenFile means.
//
// Thread safe: operations take turns.
#pragma once

#include <mutex>

#include "async/semaphore.h"
#include "vfs/open_file.h"

namespace forebay::vfs {

class DirectFile final : public OpenFile {
 public:
  DirectFile(Remote& remote, OpenFileRequest request);

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
  void Restamp(const ETag& before, const Attributes& fresh) override;
  OpenFileState State() const override;

 private:
  Task<> Splice(OpContext context, std::uint64_t offset, CommitPiece piece, std::uint64_t length);
  Task<> Commit(OpContext context, std::vector<CommitPiece> pieces);
  // After kConditionNotMet: takes over what is there now.
  Task<> LookAgain(OpContext context);

  Remote& remote_;
  const OpenFileRequest request_;
  Semaphore turn_{1};
  mutable std::mutex mutex_;
  OpenFileState state_;
};

class DirectFiles final : public OpenFileMaker {
 public:
  explicit DirectFiles(Remote& remote) : remote_(remote) {}
  std::shared_ptr<OpenFile> Make(OpenFileRequest request) override {
    return std::make_shared<DirectFile>(remote_, std::move(request));
  }

 private:
  Remote& remote_;
};

}  // namespace forebay::vfs
