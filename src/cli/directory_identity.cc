#include "cli/directory_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

namespace forebay::cli {

Result<std::string> DirectoryIdentity(const std::string& path) {
  struct statx status{};
  struct statvfs file_system{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &status) != 0 ||
      ::statvfs(path.c_str(), &file_system) != 0) {
    return Fail(errno == ENOENT ? Code::kNotFound : Code::kIo, path + ": " + std::strerror(errno));
  }
  return DirectoryIdentity(status, file_system.f_fsid);
}

Result<std::string> DirectoryIdentity(const struct statx& directory, std::uint64_t file_system) {
  // Images whose tools write no such time say 1970, every one of them.
  const bool born = (directory.stx_mask & STATX_BTIME) != 0 &&
                    (directory.stx_btime.tv_sec != 0 || directory.stx_btime.tv_nsec != 0);
  if (born) {
    return fmt::format("{}-{}.{:09}", directory.stx_ino, directory.stx_btime.tv_sec,
                       directory.stx_btime.tv_nsec);
  }
  if (file_system != 0) return fmt::format("{}-fs{:x}", directory.stx_ino, file_system);
  return Fail(Code::kUnsupported,
              "The file system says neither when a directory was made nor which one it is.");
}

}  // namespace forebay::cli
