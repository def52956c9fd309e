// One mount from credentials to the end: puts together the remote, the file system and FUSE.
//
// Blocks its thread for the life of the mount. SIGTERM and SIGINT end it, SIGHUP opens the log
// anew; call it while the process has one thread, since the signals are blocked for those that
// follow.
#pragma once

#include <functional>
#include <string>

#include "cli/mount_daemon.h"
#include "cli/mount_options.h"

namespace forebay::cli {

struct MountSpec {
  std::string url;
  std::string directory;
  bool recover = false;
  MountOptions options;
};

int RunMount(MountSpec spec, ReadyPipe& ready);

// Who we are, in the words of vfs::ConnectOptions: by the options, or by a connection string in the
// environment (`variable` reads it); empty where vfs/connect.h is to look. kInvalidConfig.
Result<std::string> MountCredential(const MountOptions& options,
                                    const std::function<std::string(const char*)>& variable);

}  // namespace forebay::cli
