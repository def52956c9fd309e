// Between the kernel's words and the file system's: attributes, entries, times, locks.
//
// Pure, thread safe.
#pragma once

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fuse/lowlevel.h"
#include "vfs/file_system.h"

namespace forebay::fuse {

// What stat(2) calls the best size of a transfer: programs that use stdio ask in these pieces.
inline constexpr blksize_t kBlockSize = 128 << 10;

mode_t FileTypeOf(vfs::FileKind kind);  // S_IFREG, …
std::optional<vfs::FileKind> KindOf(mode_t mode);
struct stat StatOf(const vfs::Attributes& attributes);
// The entry of a name that is there, or the kernel's form of one that is not.
fuse_entry_param EntryOf(const vfs::Entry& entry);
struct statvfs StatFsOf(const vfs::StatFs& statfs);
// `set` are the kernel's FUSE_SET_ATTR_ bits.
vfs::AttributeChanges ChangesOf(const struct stat& attributes, int set);

// fcntl(2)'s lock. nullopt for a kind that is none, or a range that begins before the file.
std::optional<vfs::LockRange> LockOf(const struct flock& lock, std::uint64_t owner);
struct flock FlockOf(const std::optional<vfs::LockRange>& range);
// flock(2)'s operation, LOCK_NB apart.
std::optional<vfs::LockRange> WholeLockOf(int operation, std::uint64_t owner);

inline double SecondsOf(std::chrono::milliseconds age) {
  return std::chrono::duration<double>(age).count();
}

}  // namespace forebay::fuse
