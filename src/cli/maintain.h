// The subcommands that look after a whole store: fsck, backup, restore. Each answers the process's
// exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "config/config.h"

namespace forebay::cli {

struct FsckCommand {
  bool verify_bytes = false;  // read all bytes, too
  bool repair = false;        // what follows from the rest of the records (engine/fsck.h)
};
// Checks a store that no server has open: 0 sound (or made so), 2 problems found, 1 it could not be
// checked.
int Fsck(const config::Config& config, const Console& console, const FsckCommand& command);
// Of a store at rest, or through the running server.
int BackupCommand(const config::Config& config, const Console& console,
                  const std::string& directory);
int RestoreCommand(const Console& console, const std::string& backup,
                   const std::vector<std::string>& directories);

}  // namespace forebay::cli
