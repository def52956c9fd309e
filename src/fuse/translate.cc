#include "fuse/translate.h"

#include <fcntl.h>
#include <sys/file.h>

#include <limits>

namespace forebay::fuse {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

timespec TimespecOf(vfs::FileTime time) {
  // Rounds down: nanoseconds are never negative, also before 1970.
  std::int64_t seconds = time.ns / kSecond, rest = time.ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

vfs::FileTime TimeOf(const timespec& time) { return {.ns = time.tv_sec * kSecond + time.tv_nsec}; }

}  // namespace

mode_t FileTypeOf(vfs::FileKind kind) {
  switch (kind) {
    case vfs::FileKind::kFile:
      return S_IFREG;
    case vfs::FileKind::kDirectory:
      return S_IFDIR;
    case vfs::FileKind::kSymlink:
      return S_IFLNK;
    case vfs::FileKind::kFifo:
      return S_IFIFO;
    case vfs::FileKind::kSocket:
      return S_IFSOCK;
    case vfs::FileKind::kCharacterDevice:
      return S_IFCHR;
    case vfs::FileKind::kBlockDevice:
      return S_IFBLK;
  }
  return S_IFREG;
}

std::optional<vfs::FileKind> KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
      return vfs::FileKind::kFile;
    case S_IFIFO:
      return vfs::FileKind::kFifo;
    case S_IFSOCK:
      return vfs::FileKind::kSocket;
    case S_IFCHR:
      return vfs::FileKind::kCharacterDevice;
    case S_IFBLK:
      return vfs::FileKind::kBlockDevice;
    default:
      return std::nullopt;
  }
}

struct stat StatOf(const vfs::Attributes& attributes) {
  struct stat out{};
  out.st_ino =
      (attributes.shown == vfs::InodeNumber() ? attributes.inode : attributes.shown).value();
  out.st_mode = FileTypeOf(attributes.kind) | (attributes.mode & vfs::kModeBits);
  out.st_nlink = attributes.nlink;
  out.st_uid = attributes.uid;
  out.st_gid = attributes.gid;
  out.st_rdev = attributes.rdev;
  out.st_size = static_cast<off_t>(attributes.size);
  out.st_blksize = kBlockSize;
  out.st_blocks = static_cast<blkcnt_t>((attributes.allocated + 511) / 512);
  out.st_atim = TimespecOf(attributes.atime);
  out.st_mtim = TimespecOf(attributes.mtime);
  out.st_ctim = TimespecOf(attributes.ctime);
  return out;
}

fuse_entry_param EntryOf(const vfs::Entry& entry) {
  fuse_entry_param out{};
  out.entry_timeout = SecondsOf(entry.entry_age);
  if (!entry.Exists()) return out;
  out.ino = entry.attributes.inode.value();
  // Inode numbers are never used again, so that no generation has to tell two files apart.
  out.generation = 0;
  out.attr = StatOf(entry.attributes);
  out.attr_timeout = SecondsOf(entry.attribute_age);
  return out;
}

struct statvfs StatFsOf(const vfs::StatFs& statfs) {
  constexpr std::uint64_t kUnit = 4096;
  struct statvfs out{};
  out.f_bsize = kUnit;
  out.f_frsize = kUnit;
  out.f_blocks = statfs.total_bytes / kUnit;
  out.f_bfree = out.f_bavail = statfs.free_bytes / kUnit;
  out.f_files = statfs.total_inodes;
  out.f_ffree = out.f_favail = statfs.free_inodes;
  out.f_namemax = vfs::kMaxNameBytes;
  return out;
}

vfs::AttributeChanges ChangesOf(const struct stat& attributes, int set) {
  vfs::AttributeChanges out;
  if (set & FUSE_SET_ATTR_MODE) out.mode = attributes.st_mode & vfs::kModeBits;
  if (set & FUSE_SET_ATTR_UID) out.uid = attributes.st_uid;
  if (set & FUSE_SET_ATTR_GID) out.gid = attributes.st_gid;
  if (set & FUSE_SET_ATTR_SIZE) out.size = static_cast<std::uint64_t>(attributes.st_size);
  if (set & FUSE_SET_ATTR_ATIME) {
    if (set & FUSE_SET_ATTR_ATIME_NOW) {
      out.atime_now = true;
    } else {
      out.atime = TimeOf(attributes.st_atim);
    }
  }
  if (set & FUSE_SET_ATTR_MTIME) {
    if (set & FUSE_SET_ATTR_MTIME_NOW) {
      out.mtime_now = true;
    } else {
      out.mtime = TimeOf(attributes.st_mtim);
    }
  }
  return out;
}

std::optional<vfs::LockRange> LockOf(const struct flock& lock, std::uint64_t owner) {
  if (lock.l_start < 0 || lock.l_len < 0) return std::nullopt;
  vfs::LockRange out;
  out.owner = vfs::LockOwner(owner);
  out.offset = static_cast<std::uint64_t>(lock.l_start);
  out.length = static_cast<std::uint64_t>(lock.l_len);
  out.pid = static_cast<std::uint32_t>(lock.l_pid);
  switch (lock.l_type) {
    case F_RDLCK:
      out.kind = vfs::LockKind::kShared;
      return out;
    case F_WRLCK:
      out.kind = vfs::LockKind::kExclusive;
      return out;
    case F_UNLCK:
      out.kind = vfs::LockKind::kUnlock;
      return out;
    default:
      return std::nullopt;
  }
}

struct flock FlockOf(const std::optional<vfs::LockRange>& range) {
  struct flock out{};
  out.l_type = F_UNLCK;
  out.l_whence = SEEK_SET;
  if (!range || range->kind == vfs::LockKind::kUnlock) return out;
  out.l_type = range->kind == vfs::LockKind::kShared ? F_RDLCK : F_WRLCK;
  out.l_start = static_cast<off_t>(range->offset);
  out.l_len = static_cast<off_t>(range->length);
  out.l_pid = static_cast<pid_t>(range->pid);
  return out;
}

std::optional<vfs::LockRange> WholeLockOf(int operation, std::uint64_t owner) {
  vfs::LockRange out;
  out.owner = vfs::LockOwner(owner);
  out.whole_file = true;
  switch (operation & ~LOCK_NB) {
    case LOCK_SH:
      out.kind = vfs::LockKind::kShared;
      return out;
    case LOCK_EX:
      out.kind = vfs::LockKind::kExclusive;
      return out;
    case LOCK_UN:
      out.kind = vfs::LockKind::kUnlock;
      return out;
    default:
      return std::nullopt;
  }
}

}  // namespace forebay::fuse
