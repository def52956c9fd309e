#include "io/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "io/posix_file.h"

namespace forebay::io {
namespace {

using internal::ErrnoError;

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }
  PosixLock(const PosixLock&) = delete;
  PosixLock& operator=(const PosixLock&) = delete;

 private:
  int fd_;
};

int Flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreateOrOpen:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

int OpenRetrying(const std::string& path, int flags) {
  while (true) {
    int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd >= 0 || errno != EINTR) return fd;
  }
}

std::string ParentOf(const std::string& path) {
  std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::Open(const std::string& path, OpenMode mode) {
  int fd = OpenRetrying(path, Flags(mode));
  if (fd < 0) return Fail(ErrnoError("open", path, errno));
  return std::make_unique<internal::PosixFile>(fd, path);
}

Result<> PosixFileSystem::MakeDirs(const std::string& path) {
  // One component after the other, so that only parents of what was new are synced.
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') continue;
    std::string part = path.substr(0, end);
    if (part.back() == '/') continue;
    if (::mkdir(part.c_str(), 0700) == 0) {
      FB_RETURN_IF_ERROR(SyncDir(ParentOf(part)));
      continue;
    }
    if (errno != EEXIST) return Fail(ErrnoError("mkdir", part, errno));
  }
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return Fail(ErrnoError("stat", path, errno));
  if (!S_ISDIR(info.st_mode)) return Fail(ErrnoError("mkdir", path, ENOTDIR));
  return {};
}

Result<> PosixFileSystem::Remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return {};
  if (errno == EISDIR || errno == EPERM) {
    if (::rmdir(path.c_str()) == 0) return {};
  }
  // rmdir says EEXIST or ENOTEMPTY for a directory with entries; neither means "already there"
  // here.
  int error = errno == EEXIST ? ENOTEMPTY : errno;
  return Fail(ErrnoError("remove", path, error));
}

Result<> PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return Fail(ErrnoError("rename", from, errno));
  return {};
}

Result<> PosixFileSystem::Link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) return Fail(ErrnoError("link", from, errno));
  return {};
}

Result<> PosixFileSystem::SyncDir(const std::string& path) {
  int fd = OpenRetrying(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return Fail(ErrnoError("open", path, errno));
  int status = ::fsync(fd);
  int error = errno;
  ::close(fd);
  if (status != 0) return Fail(ErrnoError("fsync", path, error));
  return {};
}

Result<std::vector<DirEntry>> PosixFileSystem::List(const std::string& path) const {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  if (!dir) return Fail(ErrnoError("list", path, errno));
  std::vector<DirEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      if (errno != 0) return Fail(ErrnoError("list", path, errno));
      break;
    }
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(::dirfd(dir.get()), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed while we looked
      return Fail(ErrnoError("stat", path + "/" + name, errno));
    }
    bool is_directory = S_ISDIR(info.st_mode);
    entries.push_back({std::move(name), is_directory,
                       is_directory ? 0 : static_cast<std::uint64_t>(info.st_size)});
  }
  std::ranges::sort(entries, {}, &DirEntry::name);
  return entries;
}

Result<bool> PosixFileSystem::Exists(const std::string& path) const {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return Fail(ErrnoError("stat", path, errno));
}

Result<SpaceInfo> PosixFileSystem::Space(const std::string& path) const {
  struct statvfs info{};
  if (::statvfs(path.c_str(), &info) != 0) return Fail(ErrnoError("statvfs", path, errno));
  // As df counts: blocks set aside for the superuser are no part of the whole, or a disk whose
  // reserve is large would never be less than nearly full.
  const auto used = info.f_blocks - info.f_bfree;
  return SpaceInfo{.total_bytes = (used + info.f_bavail) * info.f_frsize,
                   .available_bytes = info.f_bavail * info.f_frsize};
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::Lock(const std::string& path) {
  int fd = OpenRetrying(path, O_RDWR | O_CREAT);
  if (fd < 0) return Fail(ErrnoError("open", path, errno));
  auto lock = std::make_unique<PosixLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Fail(Code::kLocked, path + " is locked by another process");
    return Fail(ErrnoError("lock", path, errno));
  }
  return std::unique_ptr<FileLock>(std::move(lock));
}

}  // namespace forebay::io
