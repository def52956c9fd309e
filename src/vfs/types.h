// The words of a mounted file system: inode numbers, attributes, entries, who asks.
//
// Value types; as thread safe as what they hold. Nothing of FUSE shows here: fuse/ translates.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "azure/names.h"
#include "base/strong.h"

namespace forebay::vfs {

using azure::ETag;

// What the kernel knows a file by. Never reused for another file while the mount lives.
using InodeNumber = StrongId<struct InodeNumberTag>;
inline constexpr InodeNumber kRootInode{1};

// What the server knows a file by, whatever its names are; zero where the server has no such
// number (plain ADLS, flat accounts), and the file is its path.
using RemoteId = StrongId<struct RemoteIdTag>;

// An open file or directory of this mount.
using HandleId = StrongId<struct HandleIdTag>;

// Who holds a lock: the kernel's lock owner, unique within the mount.
using LockOwner = StrongId<struct LockOwnerTag>;

enum class FileKind : std::uint8_t {
  kFile,
  kDirectory,
  kSymlink,
  kFifo,
  kSocket,
  kCharacterDevice,
  kBlockDevice,
};

inline constexpr std::size_t kMaxNameBytes = 255;
inline constexpr std::size_t kMaxPathBytes = 4096;
inline constexpr std::size_t kMaxXattrBytes = 65536;
inline constexpr std::uint32_t kModeBits = 07777;  // permissions, setuid, setgid, sticky

// Nanoseconds since 1970-01-01T00:00:00Z; may be negative.
struct FileTime {
  std::int64_t ns = 0;
  friend constexpr auto operator<=>(FileTime, FileTime) = default;
};

struct Attributes {
  InodeNumber inode;  // filled in by the inode table; a Remote leaves it zero
  // The number that programs are shown, where that is not the inode's: two versions of one file
  // that are open at a time are two inodes (inode_table.h).
  InodeNumber shown;
  RemoteId id;
  std::uint64_t generation = 0;
  FileKind kind = FileKind::kFile;
  std::uint32_t mode = 0;  // kModeBits only, never the kind
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t nlink = 1;
  std::uint32_t rdev = 0;       // of devices, as makedev(3) has it
  std::uint64_t size = 0;       // bytes; of a symbolic link the length of its target
  std::uint64_t allocated = 0;  // bytes that take room (st_blocks * 512)
  FileTime atime, mtime, ctime, btime;
  ETag etag;  // of the content and properties; empty where unknown
  // The version since which bytes were only added at the end; empty where that is not known.
  ETag grown_from;
  // Extended attributes and ACLs that there may be: what is false nobody needs to ask for.
  bool may_have_xattrs = true;
  bool may_have_access_acl = true;
  bool may_have_default_acl = true;

  bool IsDirectory() const { return kind == FileKind::kDirectory; }
  bool IsFile() const { return kind == FileKind::kFile; }
};

// An entry of a directory. `name` is one component, never "." or ".." unless stated.
struct DirectoryEntry {
  std::string name;
  // With ReadDirectory: pass it back to go on behind this entry.
  std::uint64_t cursor = 0;
  Attributes attributes;
};

// Which attributes to change; what is absent stays. ctime follows by itself.
struct AttributeChanges {
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<FileTime> atime;
  std::optional<FileTime> mtime;
  // utimensat's UTIME_NOW, which may be asked by who may write but does not own.
  bool atime_now = false;
  bool mtime_now = false;

  bool Empty() const {
    return !mode && !uid && !gid && !size && !atime && !mtime && !atime_now && !mtime_now;
  }
};

// Who asks: for what is created. Permissions are the kernel's business (default_permissions).
struct Caller {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t pid = 0;
  std::uint32_t umask = 0;
};

struct StatFs {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t total_inodes = 0;
  std::uint64_t free_inodes = 0;
};

enum class RenameMode : std::uint8_t { kReplace, kNoReplace, kExchange };

enum class LockKind : std::uint8_t { kShared, kExclusive, kUnlock };

// `length` zero: to the end of the file, wherever that will be. A flock is the whole range with
// `whole_file`; the two families do not see each other (fcntl(2), flock(2)).
struct LockRange {
  LockOwner owner;
  LockKind kind = LockKind::kShared;
  bool whole_file = false;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint32_t pid = 0;
};

}  // namespace forebay::vfs
