// What is mounted where, as the kernel tells it, and what can be done to a mount from outside.
//
// Plain functions, thread safe. None of them looks into a mount (no stat, no open), so that none
// hangs where the process behind a mount does not answer, unless it says so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::fuse {

struct MountEntry {
  unsigned major = 0;
  unsigned minor = 0;  // of a FUSE mount also the number of its connection
  std::string mount_point;
  std::string type;  // "fuse.forebay"
  std::string source;
};

inline constexpr std::string_view kFileSystemType = "fuse.forebay";

// The text of /proc/self/mountinfo; lines that are not understood are left out.
std::vector<MountEntry> ParseMountInfo(std::string_view text);

// What is mounted last at the absolute path `mount_point`; nullopt for none. kIo.
Result<std::optional<MountEntry>> FindMount(const std::string& mount_point);

// The absolute path of a mount point without symbolic links. Its last component is not looked at:
// there a dead mount may stand. kIo where the folder that it is in does not exist.
Result<std::string> ResolveMountPoint(const std::string& path);

// True when the process behind the mount is gone (ENOTCONN). Looks into the mount.
bool IsDeadMount(const std::string& mount_point);

// Sets how far the kernel reads ahead on this mount. kIo (not permitted, no such device).
Result<> SetReadAhead(const MountEntry& mount, unsigned kib);

enum class UnmountMode {
  kPlain,  // refused while files are open; waits for what is dirty
  kLazy,   // gone from the tree at once, ends with its last user
};
// kBusy where it is in use; kIo.
Result<> Unmount(const std::string& mount_point, UnmountMode mode);

}  // namespace forebay::fuse
