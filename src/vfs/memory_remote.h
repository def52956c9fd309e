// A server in memory, for tests: everything a Remote can be asked, or as much of it as a test
// wants.
//
// MemoryServer is the container, each MemoryRemote a session on it; both thread safe, and the
// server outlives its sessions. Nothing waits but Lock and Changes.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "vfs/file_locks.h"
#include "vfs/remote.h"

namespace forebay::vfs {

// What a server with all the extensions says.
RemoteTraits EverythingTraits();
// Plain ADLS: paths only, no links, no times.
RemoteTraits PlainTraits();

class MemoryServer {
 public:
  explicit MemoryServer(RemoteTraits traits = EverythingTraits());

  // For tests: nodes that are there, held ones without a name included.
  std::size_t nodes() const;
  // The session's time is over: its holds and locks are free, and its next call says so.
  void Expire(std::uint64_t session);
  // Bytes that the server claims to have; writes above fail with kInsufficientStorage.
  void SetCapacity(std::uint64_t bytes);
  // Nothing is left of versions that are not the newest, as after a restart of a server.
  void ForgetVersions();

 private:
  friend class MemoryRemote;
  using Id = std::uint64_t;

  struct Node {
    Attributes attributes;
    std::string content;  // of a symbolic link: its target
    std::map<std::string, Id> children;
    Id parent = 0;  // of a directory
    std::map<std::string, std::string> xattrs;
    std::map<std::string, std::string> staged;
    std::set<std::uint64_t> holders;              // sessions
    std::map<std::string, std::string> versions;  // content by ETag, the newest among them
    FileLocks locks;
  };

  // All with mutex_ held.
  Result<Node*> Find(const FileRef& file);
  Result<Node*> Walk(const std::string& path);
  Result<Node*> FindDirectory(const FileRef& file);
  Result<Node*> Child(Node& parent, const std::string& name);
  Result<Attributes> Add(const CreateRequest& request);
  Result<> RemoveName(const NameRef& at, bool directory);
  Result<Attributes> Move(const RenameRequest& request);
  Result<> Exchange(Node& from, Node& to, const RenameRequest& request);
  Result<> MayReplace(const Node& moving, Node& target);
  Result<std::string> Compose(Node& node, const CommitRequest& request);
  bool IsBelow(const Node& directory, const Node& ancestor) const;
  void Touch(Node& node, bool content);
  void Unname(Node& node);
  void DropIfGone(Node& node);
  void Note(Id id);
  Attributes Shown(const Node& node) const;
  void EndSession(std::uint64_t session);

  mutable std::mutex mutex_;
  const RemoteTraits traits_;
  std::map<Id, Node> nodes_;
  Id next_id_ = 2;
  std::uint64_t next_etag_ = 1;
  std::uint64_t next_session_ = 1;
  std::uint64_t next_block_ = 1;
  std::set<std::uint64_t> sessions_;
  std::vector<Id> changes_;
  std::uint64_t capacity_ = 1ull << 40;
};

class MemoryRemote final : public Remote {
 public:
  explicit MemoryRemote(MemoryServer& server);
  ~MemoryRemote() override;
  std::uint64_t session() const { return session_; }

  Task<Attributes> Stat(OpContext context, FileRef file) override;
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

  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override;
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
  // What a session has staged goes with its own commit, and with nobody else's.
  std::string StagedPrefix() const { return "block-" + std::to_string(session_) + "-"; }

  MemoryServer& server_;
  std::uint64_t session_ = 0;
};

}  // namespace forebay::vfs
