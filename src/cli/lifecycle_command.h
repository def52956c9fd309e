// `forebay lake lifecycle …`: put an account's lifecycle policy, read it back, see what it would
// do.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace forebay::cli {

struct LifecycleFlags {
  std::string account, file;
  bool json = false;
};

// Below `lake`; `flags` outlives the command line.
void AddLifecycleCommands(CommandLine& line, CLI::App& lake, LifecycleFlags& flags);

}  // namespace forebay::cli
