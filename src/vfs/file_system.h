// The file system of one mount, by inode numbers, as a kernel asks for it.
//
// Operations are coroutines that may be spawned on any executor that is single-threaded or a strand
// (vfs/loops.h), any number at a time; the object is thread safe and outlives them. It owns the
// inode table and the caches of names and attributes; bytes of open files are OpenFile's
// (open_file.h). Whether the caller may is decided by the kernel (mount with default_permissions).
//
// Answers carry how long the kernel may believe them. What this mount itself does it sees at once;
// what others do within `Options::attribute_age` and `entry_age`, and at every open
// (close-to-open). docs/semantics.md is the user's side of this.
//
// Errors: errno_of.h has the errno for every code.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/open_file.h"
#include "vfs/remote.h"

namespace forebay::vfs {

struct FileSystemOptions {
  std::chrono::milliseconds attribute_age{1000};
  std::chrono::milliseconds entry_age{1000};
  std::chrono::milliseconds negative_age{1000};  // names that are not there
  // How long an operation waits for a server that is away; zero: for ever.
  std::chrono::milliseconds timeout{0};
  bool read_only = false;
  // Who owns what the server knows no numeric owner of, and its mode where it knows none.
  std::uint32_t default_uid = 0;
  std::uint32_t default_gid = 0;
  std::uint32_t default_file_mode = 0644;
  std::uint32_t default_directory_mode = 0755;
  // Inodes that the kernel has forgotten are dropped at once; those remembered for their cached
  // attributes only (prefetched by a listing) are at most so many.
  std::size_t max_cached_entries = 200'000;
  std::size_t list_page = 5000;
};

// An answer about a name. `attributes.inode` zero: the name is known not to be there.
struct Entry {
  Attributes attributes;
  std::chrono::milliseconds attribute_age{0};
  std::chrono::milliseconds entry_age{0};
  bool Exists() const { return attributes.inode != InodeNumber(); }
};
struct AttributesAnswer {
  Attributes attributes;
  std::chrono::milliseconds age{0};
};

struct OpenAnswer {
  HandleId handle;
  // The content is as it was at the last close here: pages that the kernel still has are good.
  bool keep_cache = false;
};

// Takes the entries of a directory until it is full.
class DirectorySink {
 public:
  virtual ~DirectorySink() = default;
  // False when there is no room: the entry is not taken, and the reading ends.
  virtual bool Add(const DirectoryEntry& entry, const Entry& answer) = 0;
};

// What the kernel keeps and must be told to drop. Called from any thread; must not call back.
class KernelCaches {
 public:
  virtual ~KernelCaches() = default;
  virtual void ForgetAttributes(InodeNumber inode, bool and_content) = 0;
  virtual void ForgetEntry(InodeNumber parent, std::string name) = 0;
};

class FileSystem {
 public:
  // `remote` and `files` outlive it. `remote` has been probed; `traits` is what it said.
  FileSystem(Remote& remote, RemoteTraits traits, OpenFileMaker& files, FileSystemOptions options);
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  const RemoteTraits& traits() const;
  // Before the first operation; may stay unset.
  void SetKernelCaches(KernelCaches* caches);

  // Keeps the session alive and follows what others change, until `context` is cancelled. Spawn it
  // once for the life of the mount.
  Task<> Run(OpContext context);
  // Flushes what is open, releases what is held, ends the session. After the last operation.
  Task<> Shutdown(OpContext context);

  // --- names. Every Entry that Exists and was answered by Lookup, Create…, Link or a DirectorySink
  // with `plus` counts one lookup, which Forget takes back. ---
  Task<Entry> Lookup(OpContext context, InodeNumber parent, std::string name);
  void Forget(InodeNumber inode, std::uint64_t lookups);
  Task<Entry> MakeDirectory(OpContext context, Caller caller, InodeNumber parent, std::string name,
                            std::uint32_t mode);
  // Regular files, FIFOs, sockets, devices: `kind` and permission bits.
  Task<Entry> MakeNode(OpContext context, Caller caller, InodeNumber parent, std::string name,
                       FileKind kind, std::uint32_t mode, std::uint32_t rdev);
  Task<Entry> MakeSymlink(OpContext context, Caller caller, InodeNumber parent, std::string name,
                          std::string target);
  Task<Entry> Link(OpContext context, InodeNumber inode, InodeNumber parent, std::string name);
  Task<std::string> ReadLink(OpContext context, InodeNumber inode);
  Task<> Unlink(OpContext context, InodeNumber parent, std::string name);
  Task<> RemoveDirectory(OpContext context, InodeNumber parent, std::string name);
  Task<> Rename(OpContext context, InodeNumber parent, std::string name, InodeNumber new_parent,
                std::string new_name, RenameMode mode);

  // --- attributes ---
  Task<AttributesAnswer> GetAttributes(OpContext context, InodeNumber inode);
  // `handle` where the call came by an open file (ftruncate works though the mode forbids).
  Task<AttributesAnswer> SetAttributes(OpContext context, InodeNumber inode,
                                       AttributeChanges changes,
                                       std::optional<HandleId> handle = std::nullopt);
  Task<std::string> GetXattr(OpContext context, InodeNumber inode, std::string name);
  Task<std::vector<std::string>> ListXattrs(OpContext context, InodeNumber inode);
  Task<> SetXattr(OpContext context, InodeNumber inode, std::string name, std::string value,
                  RemoteNames::XattrMode mode);
  Task<> RemoveXattr(OpContext context, InodeNumber inode, std::string name);
  Task<StatFs> GetStatFs(OpContext context);

  // --- directories ---
  Task<HandleId> OpenDirectory(OpContext context, InodeNumber inode);
  // Entries behind `cursor` (0: from the beginning, which reads the directory afresh), "." and ".."
  // first, until the sink is full or all are told. An entry that exists all the while is told
  // exactly once whatever else changes. With `plus` entries carry attributes and count a lookup
  // ("." and ".." never do); without, inode number and kind only are meant.
  Task<> ReadDirectory(OpContext context, HandleId handle, std::uint64_t cursor, bool plus,
                       DirectorySink& sink);
  void ReleaseDirectory(HandleId handle);
  // fsync(2) of a directory: every change of names so far is durable.
  Task<> SyncDirectory(OpContext context, HandleId handle);

  // --- files. `flags` are those of open(2); O_CREAT and O_EXCL are Create's. ---
  struct Created {
    Entry entry;
    OpenAnswer open;
  };
  Task<Created> Create(OpContext context, Caller caller, InodeNumber parent, std::string name,
                       std::uint32_t mode, int flags);
  // `unprivileged`, here and in Write: set-user-id and set-group-id do not outlive what the caller
  // does to the content. The kernel sees to that itself only where it goes through its page cache.
  Task<OpenAnswer> Open(OpContext context, InodeNumber inode, int flags, bool unprivileged = false);
  Task<std::size_t> Read(OpContext context, HandleId handle, std::uint64_t offset,
                         MutableByteView into);
  // Returns when the bytes are taken over, not when they are on the server.
  Task<> Write(OpContext context, HandleId handle, std::uint64_t offset, ByteView data,
               bool unprivileged = false);
  // close(2) of one descriptor. Drops the fcntl locks of `owner`.
  Task<> Flush(OpContext context, HandleId handle, LockOwner owner);
  Task<> Sync(OpContext context, HandleId handle, bool data_only);
  // The last descriptor of the handle is gone, and the locks of the open file with it. Its result
  // is nobody's; errors were Flush's. `flock_owner`: drop its flock too.
  Task<> Release(OpContext context, HandleId handle, std::optional<LockOwner> flock_owner);
  Task<> Allocate(OpContext context, HandleId handle, int mode, std::uint64_t offset,
                  std::uint64_t length);
  // SEEK_DATA and SEEK_HOLE only.
  Task<std::uint64_t> Seek(OpContext context, HandleId handle, std::uint64_t offset, bool data);
  Task<std::size_t> CopyRange(OpContext context, HandleId from, std::uint64_t from_offset,
                              HandleId to, std::uint64_t to_offset, std::size_t length);

  // --- locks. With `wait`, until it is granted or `context.cancel` (kCancelled: EINTR). ---
  Task<> Lock(OpContext context, HandleId handle, LockRange range, bool wait);
  Task<std::optional<LockRange>> TestLock(OpContext context, HandleId handle, LockRange range);

  // For tests and `-o debug`.
  struct Counts {
    std::size_t inodes = 0;
    std::size_t handles = 0;
    std::size_t directories = 0;
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::vfs
