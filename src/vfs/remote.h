// What a mount asks of a server: one container (or a directory of it), seen as files.
//
// Thread safe; a call runs on its caller's executor (single-threaded or a strand). What a caller
// lends (spans, string views) stays until the call returns. Implementations: rest_remote (the
// servers), memory_remote and faulty_remote (tests); one typed suite holds them to this contract.
//
// Time: OpContext::deadline ends a call with kDeadlineExceeded. Within it an implementation waits
// and tries again by itself while the server is away, and a write whose answer was lost is told
// from one that did not happen: an exclusive create, a rename or a remove that was done by an
// earlier try of the same call succeeds. kUnknownOutcome only where that cannot be found out.
//
// Errors that callers act on: kPathNotFound, kPathAlreadyExists, kNotADirectory, kIsADirectory,
// kDirectoryNotEmpty, kConditionNotMet (an ETag that is no longer the file's), kFileGone (the inode
// of a FileRef), kInvalidBlockList (staged blocks are gone: stage them again), kUnsupported (this
// server cannot; see RemoteTraits), kLockConflict, kSessionExpired. errno_of.h knows them all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "base/bytes.h"
#include "vfs/types.h"

namespace forebay::vfs {

// A file by its number where the server has numbers, and by a path that it had lately: without a
// leading slash, components between slashes, empty for the root of the mount.
struct FileRef {
  std::string path;
  RemoteId id;
};

// A place for a name: the directory, and the name in it.
struct NameRef {
  FileRef parent;
  std::string name;
  std::string Path() const { return parent.path.empty() ? name : parent.path + "/" + name; }
};

// What the change of a name made of the thing, and the time that its directories have by it, if the
// server says so.
struct NameChange {
  NameChange() = default;
  NameChange(Attributes thing) : attributes(std::move(thing)) {}
  Attributes attributes;
  std::optional<FileTime> directory;
};

// What the server can do; found out once, by Probe. A call that needs more than there is fails with
// kUnsupported.
struct RemoteTraits {
  std::string description;   // for a log line: "Forebay 0.3 at http://…", never a secret
  bool hierarchical = true;  // directories are things, and rename is atomic
  bool read_only = false;    // the credential, or the user, forbids writing
  bool stable_ids = false;   // RemoteId: operations address the file, not its path
  bool modes = false;        // mode bits are kept
  bool owners = false;       // numeric uid and gid are kept
  bool set_times = false;    // atime and mtime can be set, to the nanosecond
  bool symlinks = false;
  bool hard_links = false;
  bool special_files = false;
  bool xattrs = false;
  bool rename_flags = false;         // kNoReplace and kExchange
  bool partial_commits = false;      // Commit keeps ranges by reference; else they cost a transfer
  bool copies = false;               // Commit takes CopiedRange
  bool unlinked_open_files = false;  // Hold keeps a file alive that has no name left
  bool locks = false;
  // A version that somebody reads stays readable by its ETag when the file has become another.
  bool keeps_versions = false;
  bool changes = false;                       // Changes tells what others did
  std::uint64_t max_block_bytes = 64u << 20;  // of StageBlock
  std::size_t max_pieces = 50'000;            // of Commit
  std::uint64_t max_file_bytes = 1ull << 42;
};

struct ListRequest {
  FileRef directory;
  std::string marker;  // of the page before; empty: from the beginning
  std::size_t limit = 5000;
};
struct ListPage {
  std::vector<DirectoryEntry> entries;  // in the server's order; cursors are zero
  std::string next;                     // empty: this is the last page
};

struct CreateRequest {
  NameRef at;
  FileKind kind = FileKind::kFile;
  std::uint32_t mode = 0644;
  std::uint32_t umask = 0;  // taken off, unless the parent's default ACL decides
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t rdev = 0;
  std::string target;  // of a symbolic link
};

struct RenameRequest {
  NameRef from;
  NameRef to;
  RenameMode mode = RenameMode::kReplace;
};

// The names: directories, links, attributes.
class RemoteNames {
 public:
  virtual ~RemoteNames() = default;

  virtual Task<Attributes> Stat(OpContext context, FileRef file) = 0;
  // The same for who is about to read the version that the answer names (traits.keeps_versions).
  virtual Task<Attributes> StatToRead(OpContext context, FileRef file) {
    co_return co_await Stat(std::move(context), std::move(file));
  }
  // By name, for what the inode table does not know yet. kPathNotFound.
  virtual Task<Attributes> Lookup(OpContext context, NameRef at) = 0;
  virtual Task<ListPage> List(OpContext context, ListRequest request) = 0;
  // Exclusive: kPathAlreadyExists where anything has the name. The new thing's attributes.
  virtual Task<NameChange> Create(OpContext context, CreateRequest request) = 0;
  virtual Task<NameChange> Link(OpContext context, FileRef file, NameRef at) = 0;
  virtual Task<std::string> ReadLink(OpContext context, FileRef file) = 0;
  // Of a name. A directory only when empty (kDirectoryNotEmpty). kIsADirectory, kNotADirectory
  // where `directory` does not fit what is there. The time that the parent has by it, as above.
  virtual Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) = 0;
  // The attributes of what was moved.
  virtual Task<NameChange> Rename(OpContext context, RenameRequest request) = 0;
  // Everything but `size`, which is Commit's. The attributes afterwards.
  virtual Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                         AttributeChanges changes) = 0;

  // Extended attributes, POSIX ACLs among them (system.posix_acl_access, …_default, as the kernel
  // encodes them). kAttributeNotFound.
  enum class XattrMode : std::uint8_t { kSet, kCreate, kReplace };
  virtual Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) = 0;
  virtual Task<std::vector<std::string>> ListXattrs(OpContext context, FileRef file) = 0;
  virtual Task<> SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                          XattrMode mode) = 0;
  virtual Task<> RemoveXattr(OpContext context, FileRef file, std::string name) = 0;

  // A server may acknowledge changes of names and attributes before they are durable, in an order
  // that it keeps. What this remote's calls have done so far is durable when it returns.
  // kChangesLost, once: the server has crashed and lost some of it. Costs nothing where there is
  // nothing to ask for.
  virtual Task<> SyncChanges(OpContext /*context*/) { co_return Result<>(); }
};

struct ReadRequest {
  FileRef file;
  ETag etag;  // of the version wanted, kConditionNotMet when it is no longer there; empty: any
  std::uint64_t offset = 0;
  MutableByteView into;
};
struct ReadAnswer {
  std::size_t bytes = 0;  // fewer than asked for only at the end of the file
  ETag etag;              // of what was read
  std::uint64_t file_size = 0;
};

// A block that the server holds for a later Commit of the same file.
struct StagedBlock {
  std::string id;
  std::uint64_t length = 0;
};

// A new content is a sequence of pieces.
struct KeptRange {  // of the version `CommitRequest::base`
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
// Of another file, or of this one, as it is at the moment of the commit: by reference, no bytes
// travel. kConditionNotMet where the file is no longer at `etag`.
struct CopiedRange {
  FileRef from;
  ETag etag;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
struct ZeroRange {
  std::uint64_t length = 0;
};
struct InlineData {
  ByteView data;
};
using CommitPiece = std::variant<KeptRange, CopiedRange, StagedBlock, ZeroRange, InlineData>;

struct CommitRequest {
  FileRef file;
  // The version that KeptRange refers to, and that must still be the file's: kConditionNotMet
  // otherwise. Empty: whatever is there is replaced, and there is no KeptRange.
  ETag base;
  std::uint64_t base_size = 0;
  std::vector<CommitPiece> pieces;
  std::optional<FileTime> mtime;  // where traits.set_times; absent: now
};
struct CommitAnswer {
  ETag etag;
  std::uint64_t size = 0;
  FileTime mtime;
};

// The bytes. A Commit is atomic: readers see the content before or after it, never a mixture.
class RemoteData {
 public:
  virtual ~RemoteData() = default;
  virtual Task<ReadAnswer> Read(OpContext context, ReadRequest request) = 0;
  // Tells the server itself that a version, which has bytes, is still being read
  // (traits.keeps_versions). kConditionNotMet: it is gone.
  virtual Task<> WantVersion(OpContext context, FileRef file, ETag etag) {
    std::byte first{};
    FB_CO_RETURN_IF_ERROR(co_await Read(
        std::move(context),
        {.file = std::move(file), .etag = std::move(etag), .offset = 0, .into = {&first, 1}}));
    co_return Result<>();
  }
  // At most traits.max_block_bytes. Staged blocks are nobody's until a Commit names them; they go
  // with a Commit of this Remote that does not (where servers know writers apart), and after some
  // days.
  virtual Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) = 0;
  // Durable on the server when it returns.
  virtual Task<CommitAnswer> Commit(OpContext context, CommitRequest request) = 0;
  // Where data (`data` true) or a hole begins at or behind `offset`. kNoSuchOffset. A server that
  // does not know holes says so by kUnsupported: everything is data then.
  virtual Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                                       bool data) = 0;
};

struct ChangesPage {
  std::vector<FileRef> changed;  // attributes or content; for a directory, its entries
  bool lost = false;             // too many to tell: everything may have changed
  std::string next;
};

// What a mount is to the server: a session with a lease, under which it holds files and locks.
class RemoteSession {
 public:
  virtual ~RemoteSession() = default;
  // First of all calls: finds out what the server is, and opens the session where there are any.
  // kContainerNotFound, and the errors of authentication.
  virtual Task<RemoteTraits> Probe(OpContext context) = 0;
  // Renews the lease; call it a few times within `lease_seconds`. kSessionExpired: locks and
  // holds are gone, and a new session is open.
  virtual Task<> KeepAlive(OpContext context) = 0;
  virtual Task<> End(OpContext context) = 0;
  // The file stays readable and writable by its id without a name, until released.
  virtual Task<> Hold(OpContext context, FileRef file) = 0;
  virtual Task<> Release(OpContext context, FileRef file) = 0;
  // kLockConflict where somebody else still holds it after `wait` (servers cap it at about 30 s) or
  // when `context` ends. kUnlock always succeeds.
  virtual Task<> Lock(OpContext context, FileRef file, LockRange range,
                      std::chrono::milliseconds wait) = 0;
  // Who is in the way of `range`; nullopt: nobody.
  virtual Task<std::optional<LockRange>> TestLock(OpContext context, FileRef file,
                                                  LockRange range) = 0;
  // What changed behind `cursor`, waiting until something does or the deadline (an empty page).
  virtual Task<ChangesPage> Changes(OpContext context, std::string cursor) = 0;
  virtual Task<StatFs> GetStatFs(OpContext context) = 0;
};

class Remote : public RemoteNames, public RemoteData, public RemoteSession {};

}  // namespace forebay::vfs
