#include "fuse/mount_table.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace forebay::fuse {
namespace {

Error SystemError(const std::string& what) {
  return Error(errno == EBUSY ? Code::kBusy : Code::kIo,
               what + ": " + std::system_category().message(errno) + ".");
}

// The kernel writes space, tab, newline and backslash as \ and three octal digits.
std::string Unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 4, value, 8).ec == std::errc()) {
      out.push_back(static_cast<char>(value));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<MountEntry> ParseLine(const std::string& line) {
  // 36 35 98:0 /root /mount/point options [optional fields...] - type source super-options
  std::istringstream words(line);
  std::string id, parent, device, root, place, word;
  if (!(words >> id >> parent >> device >> root >> place)) return std::nullopt;
  while (words >> word && word != "-") {
  }
  MountEntry out;
  std::string source;
  if (!(words >> out.type >> source)) return std::nullopt;
  const char* end = device.data() + device.size();
  auto [colon, ec] = std::from_chars(device.data(), end, out.major);
  if (ec != std::errc() || colon == end || *colon != ':') return std::nullopt;
  if (std::from_chars(colon + 1, end, out.minor).ec != std::errc()) return std::nullopt;
  out.mount_point = Unescape(place);
  out.source = Unescape(source);
  return out;
}

// Without rights of its own a user's mount goes away through the set-user-id helper.
Result<> UnmountByHelper(const std::string& mount_point, UnmountMode mode) {
  const pid_t child = ::fork();
  if (child < 0) return Fail(SystemError("Cannot start fusermount3"));
  if (child == 0) {
    const char* flags = mode == UnmountMode::kLazy ? "-uz" : "-u";
    ::execlp("fusermount3", "fusermount3", flags, "--", mount_point.c_str(),
             static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail(Code::kBusy, "fusermount3 could not unmount " + mount_point +
                               "; is a program still using it (fuser -m shows which)?");
}

}  // namespace

std::vector<MountEntry> ParseMountInfo(std::string_view text) {
  std::vector<MountEntry> out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (auto entry = ParseLine(line)) out.push_back(std::move(*entry));
  }
  return out;
}

Result<std::optional<MountEntry>> FindMount(const std::string& mount_point) {
  std::ifstream file("/proc/self/mountinfo");
  if (!file) return Fail(Code::kIo, "/proc/self/mountinfo cannot be read; is /proc mounted?");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::optional<MountEntry> found;
  for (MountEntry& entry : ParseMountInfo(text)) {
    if (entry.mount_point == mount_point) found = std::move(entry);
  }
  return found;
}

Result<std::string> ResolveMountPoint(const std::string& path) {
  std::string text = path;
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  const std::size_t slash = text.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : text.substr(0, slash + 1);
  const std::string last = slash == std::string::npos ? text : text.substr(slash + 1);
  if (last.empty() || last == "." || last == "..") {
    // Nothing can be told without looking; nobody mounts over what is written like this by
    // accident.
    char* whole = ::realpath(text.c_str(), nullptr);
    if (!whole) return Fail(SystemError(path));
    std::string out = whole;
    std::free(whole);
    return out;
  }
  char* resolved = ::realpath(folder.c_str(), nullptr);
  if (!resolved) return Fail(SystemError(folder));
  std::string out = resolved;
  std::free(resolved);
  if (!out.ends_with('/')) out.push_back('/');
  out += last;
  // A symbolic link to the place is followed, which asks the folder, never the mount.
  char target[4096];
  const ssize_t length = ::readlink(out.c_str(), target, sizeof target - 1);
  if (length <= 0) return out;
  std::string next(target, static_cast<std::size_t>(length));
  if (!next.starts_with('/')) next = out.substr(0, out.rfind('/') + 1) + next;
  return next == out ? Result<std::string>(out) : ResolveMountPoint(next);
}

bool IsDeadMount(const std::string& mount_point) {
  // Not stat: the kernel answers that by what it remembers.
  const int directory = ::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return errno == ENOTCONN;
  ::close(directory);
  return false;
}

Result<> SetReadAhead(const MountEntry& mount, unsigned kib) {
  const std::string path = "/sys/class/bdi/" + std::to_string(mount.major) + ":" +
                           std::to_string(mount.minor) + "/read_ahead_kb";
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return Fail(SystemError(path));
  const std::string text = std::to_string(kib);
  const bool done = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  Error error = SystemError(path);
  ::close(file);
  if (!done) return Fail(std::move(error));
  return {};
}

Result<> Unmount(const std::string& mount_point, UnmountMode mode) {
  const int flags = UMOUNT_NOFOLLOW | (mode == UnmountMode::kLazy ? MNT_DETACH : 0);
  if (::umount2(mount_point.c_str(), flags) == 0) return {};
  if (errno == EPERM && ::geteuid() != 0) return UnmountByHelper(mount_point, mode);
  return Fail(SystemError("Cannot unmount " + mount_point));
}

}  // namespace forebay::fuse
