// The subcommands that look after a whole store: fsck, backup, restore. Each answers the process's
// exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "config/config.h"

namespace forebay::cli {

// Checks a store that no server has open: 0 sound, 2 problems found, 1 it could not be checked.
int Fsck(const config::Config& config, const Console& console, bool verify_bytes);
// Of a store at rest, or through the running server.
int BackupCommand(const config::Config& config, const Console& console,
                  const std::string& directory);
int RestoreCommand(const Console& console, const std::string& backup,
                   const std::vector<std::string>& directories);

}  // namespace forebay::cli
