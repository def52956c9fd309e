// A Forebay server with the POSIX extensions (docs/posix-extensions.md): files by inode number.
#pragma once

#include <mutex>
#include <string>

#include "vfs/lazy_marks.h"
#include "vfs/posix_words.h"
#include "vfs/remote.h"
#include "vfs/rest_sender.h"

namespace forebay::vfs {

class PosixRemote final : public Remote {
 public:
  struct Options {
    std::string description;
    std::string info;  // the server's answer to `posix=info`
    std::chrono::seconds ttl{60};
    std::string owner;
    bool read_only = false;
  };
  // Finds the root of the mount and opens the session.
  static Task<std::unique_ptr<Remote>> Open(OpContext context, std::shared_ptr<RestSender> sender,
                                            Options options);

  Task<Attributes> Stat(OpContext context, FileRef file) override;
  Task<Attributes> StatToRead(OpContext context, FileRef file) override;
  Task<Attributes> Lookup(OpContext context, NameRef at) override;
  Task<ListPage> List(OpContext context, ListRequest request) override;
  Task<NameChange> Create(OpContext context, CreateRequest request) override;
  Task<NameChange> Link(OpContext context, FileRef file, NameRef at) override;
  Task<std::string> ReadLink(OpContext context, FileRef file) override;
  Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) override;
  Task<NameChange> Rename(OpContext context, RenameRequest request) override;
  Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                 AttributeChanges changes) override;
  Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) override;
  Task<std::vector<std::string>> ListXattrs(OpContext context, FileRef file) override;
  Task<> SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                  XattrMode mode) override;
  Task<> RemoveXattr(OpContext context, FileRef file, std::string name) override;
  Task<> SyncChanges(OpContext context) override;

  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override;
  Task<> WantVersion(OpContext context, FileRef file, ETag etag) override;
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override;
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override;
  Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                               bool data) override;

  Task<RemoteTraits> Probe(OpContext context) override;
  Task<> KeepAlive(OpContext context) override;
  Task<> End(OpContext context) override;
  Task<> Hold(OpContext context, FileRef file) override;
  Task<> Release(OpContext context, FileRef file) override;
  Task<> Lock(OpContext context, FileRef file, LockRange range,
              std::chrono::milliseconds wait) override;
  Task<std::optional<LockRange>> TestLock(OpContext context, FileRef file,
                                          LockRange range) override;
  Task<ChangesPage> Changes(OpContext context, std::string cursor) override;
  Task<StatFs> GetStatFs(OpContext context) override;

 private:
  PosixRemote(std::shared_ptr<RestSender> sender, Options options, ServerInfo info);

  // Read, whatever lies on this machine.
  Task<ReadAnswer> ReadThere(OpContext context, ReadRequest request);
  // A request of `verb` about a node, or about a name.
  RestCall For(http::Method method, const char* verb, const FileRef& file) const;
  RestCall ForName(http::Method method, const char* verb, const NameRef& at) const;
  RestCall ForContainer(http::Method method, const char* verb) const;
  std::string PathOf(const std::string& path) const;
  // Learns where the window lies that the read is in; see local_files.h.
  Task<> AskLayout(OpContext context, const ReadRequest& request);
  RestCall LockCall(http::Method method, const FileRef& file, const LockRange& range) const;
  Task<RestAnswer> Send(OpContext context, RestCall call);
  Task<Attributes> SendForAttributes(OpContext context, RestCall call);
  // A change that may be durable later: SyncChanges asks for it.
  Task<RestAnswer> SendLazily(OpContext context, RestCall call);
  Task<NameChange> ChangeName(OpContext context, RestCall call);
  // With the session; once more with a new one when the server knows it no longer.
  Task<RestAnswer> SendInSession(OpContext context, RestCall call);
  Task<> OpenSession(OpContext context);
  std::string session() const;

  const std::shared_ptr<RestSender> sender_;
  const Options options_;
  const ServerInfo info_;
  const std::string writer_;  // what we have staged goes with no other's commit
  RemoteId root_{1};

  LazyMarks marks_;
  LocalFiles local_;
  mutable std::mutex mutex_;
  std::string session_;
  bool lost_ = false;  // a session ran out, and KeepAlive has not told so yet
};

}  // namespace forebay::vfs
