// `forebay mount` and `forebay umount`.
//
// One thread each; both answer the exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace CLI {
class App;
}

namespace forebay::cli {

struct MountCommand {
  std::string url;
  std::string directory;
  std::vector<std::string> options;  // each a list with commas
  std::string key_file;
  std::string sas_file;
  std::string token_file;
  std::string cache;
  std::string cache_size;
  bool foreground = false;
  bool recover = false;
  int ready_fd = -1;
};
// Mounts, and serves the mount until it is taken away. In the background unless `foreground`:
// returns when the mount answers, or has failed.
int Mount(const MountCommand& command, const Console& console);

struct UnmountCommand {
  std::string directory;
  bool lazy = false;
};
int Unmount(const UnmountCommand& command, const Console& console);

// The flags of the two commands, on the command line.
const char* MountHelp();
void AddMountFlags(CLI::App& mount, MountCommand& command);
void AddUnmountFlags(CLI::App& unmount, UnmountCommand& command);

}  // namespace forebay::cli
