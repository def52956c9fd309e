#include "cli/directory_identity.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace forebay::cli {

Result<std::string> DirectoryIdentity(const std::string& path) {
  struct statx status{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_BTIME, &status) != 0) {
    return Fail(errno == ENOENT ? Code::kNotFound : Code::kIo, path + ": " + std::strerror(errno));
  }
  std::string identity = fmt::format("{}", status.stx_ino);
  // Some file systems do not know when it was made.
  if ((status.stx_mask & STATX_BTIME) != 0) {
    identity += fmt::format("-{}.{:09}", status.stx_btime.tv_sec, status.stx_btime.tv_nsec);
  }
  return identity;
}

}  // namespace forebay::cli
