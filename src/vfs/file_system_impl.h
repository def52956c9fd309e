// What the operations of FileSystem share. Internal to file_system*.cc.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "vfs/directory_reader.h"
#include "vfs/file_locks.h"
#include "vfs/file_system.h"
#include "vfs/inode_table.h"
#include "vfs/losses.h"

namespace forebay::vfs {

// What stands for unlinked open files where the server keeps none: a name in the root directory
// that nobody is shown.
inline constexpr std::string_view kHiddenPrefix = ".forebay-unlinked-";

struct FileHandle {
  NodePtr node;
  std::shared_ptr<OpenFile> file;
  int flags = 0;
  Losses::Told told = {};
  // Who has taken record locks through it and not closed it since; with Impl::mutex. What is left
  // at its end are the locks of the open file itself (F_OFD_SETLK), which no close(2) drops.
  std::set<LockOwner> lockers = {};

  bool Writes() const;
  bool Direct() const;
};

struct FileSystem::Impl {
  Impl(Remote& server, RemoteTraits server_traits, OpenFileMaker& maker, FileSystemOptions opts);

  // The context with the mount's time-out.
  OpContext Bounded(OpContext context) const;
  // kReadOnlyFileSystem on a mount or a server that must not be written.
  Result<> MayWrite() const;

  // --- attributes (file_system_attributes.cc) ---
  // As remembered, with what open content adds; asks nobody.
  CachedAttributes Shown(const NodePtr& node);
  // What was last known to be on the server.
  Attributes Committed(const NodePtr& node);
  // Asks the server. `to_read`: for an open that will read what the server answers.
  Task<> Refresh(OpContext context, NodePtr node, bool to_read = false);
  // The open content's own commits, taken over into the table.
  void Adopt(const NodePtr& node, const OpenFile& file);
  // Our change of anything but the content: the table and the open content learn the new ETag.
  void Restamp(const NodePtr& node, const Attributes& before, const Attributes& fresh,
               bool times_set);
  // All but the length.
  Task<> Change(OpContext context, NodePtr node, AttributeChanges changes);
  // The content is about to change at the hands of somebody without privileges.
  Task<> DropSetuid(OpContext context, NodePtr node);
  // The server has said that there is no such extended attribute; with an empty name: none at all.
  bool KnownToLack(const NodePtr& node, std::string_view xattr) const;
  Entry EntryOf(const NodePtr& parent, std::string_view name, const NodePtr& node);

  // --- names ---
  bool IsHidden(const NodePtr& parent, std::string_view name) const;
  Task<Entry> Make(OpContext context, InodeNumber parent, CreateRequest request);
  Task<Entry> AskForName(OpContext context, NodePtr parent, std::string name);
  // What is remembered of the name, and counts a lookup.
  std::optional<Entry> Remembered(const NodePtr& parent, std::string_view name);
  // Has a page of the directory listed, for the look-ups to come.
  Task<> ListAhead(OpContext context, NodePtr directory, LookAhead::Page page);
  // Before the last name that we know of an open file goes.
  Task<bool> KeepOpenFile(OpContext context, NodePtr parent, std::string name);

  // --- files ---
  Task<OpenAnswer> OpenNode(OpContext context, NodePtr node, int flags, bool fresh,
                            bool unprivileged);
  Task<std::shared_ptr<OpenFile>> Acquire(OpContext context, NodePtr node);
  // One opening less; after the last the content is uploaded and the file let go.
  Task<> LetGo(OpContext context, NodePtr node);
  Task<> DropOpenFile(OpContext context, NodePtr node);
  // Bytes that were copied by reference; 0: they have to be copied otherwise.
  Task<std::size_t> ShareRange(OpContext context, std::shared_ptr<FileHandle> source,
                               std::uint64_t from_offset, std::shared_ptr<FileHandle> target,
                               std::uint64_t to_offset, std::size_t length);
  Result<std::shared_ptr<FileHandle>> FileOf(HandleId handle);
  Task<> SetSize(OpContext context, NodePtr node, std::uint64_t size,
                 std::optional<HandleId> handle);

  // --- locks ---
  Task<> LockHere(OpContext context, NodePtr node, LockRange range, bool wait);
  Task<> LockThere(OpContext context, NodePtr node, LockRange range, bool wait);
  Task<> DropLocks(OpContext context, NodePtr node, LockOwner owner, bool whole_file);
  void NoteLock(InodeNumber inode, const LockRange& range);
  // The server may have granted or dropped it without our hearing. A range and owner that are in
  // doubt are put right: as the locks are that were granted for sure.
  void NoteDoubt(NodePtr node, const LockRange& range);
  Task<> PutRight(OpContext context, NodePtr node, LockRange range);
  Task<> SettleDoubts(OpContext context);
  Task<> TakeEverythingAgain(OpContext context);

  // --- durability (file_system_sync.cc) ---
  // What this mount has changed so far is durable, and none of it was lost; kChangesLost once a
  // handle.
  Task<> SyncChanges(OpContext context, Losses::Told& told);
  Task<> SyncServer(OpContext context);  // a loss is noted, and no error
  // The same every second, so that what nobody syncs does not stay undecided for long.
  Task<> SyncBehind(OpContext context);
  Result<> TellLosses(Losses::Told& told);

  Task<> KeepSession(OpContext context);
  // The versions that are being read are still wanted.
  Task<> TouchVersions(OpContext context);
  Task<> FollowChanges(OpContext context);

  Remote& remote;
  const RemoteTraits traits;
  OpenFileMaker& files;
  const FileSystemOptions options;
  InodeTable table;
  std::atomic<KernelCaches*> caches{nullptr};
  Losses losses;

  std::mutex mutex;  // guards what follows
  std::uint64_t next_handle = 1;
  std::unordered_map<HandleId, std::shared_ptr<FileHandle>> handles;
  std::unordered_map<HandleId, std::shared_ptr<DirectoryReader>> directories;
  // What this mount holds: all there is where the server has no locks, else a note of it.
  std::unordered_map<InodeNumber, FileLocks> locks;
  // By inode, owner and family: what may be wrong.
  struct Doubt {
    NodePtr node;
    LockRange range;
  };
  std::map<std::tuple<InodeNumber, LockOwner, bool>, Doubt> doubts;
  std::shared_ptr<Event> unlocked = std::make_shared<Event>();
};

// What means "not there" among the ways in which servers say it.
bool IsNotFound(const Error& error);

}  // namespace forebay::vfs
