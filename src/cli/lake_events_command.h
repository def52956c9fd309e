// `forebay lake events`, `conflicts` and `check`: what was decided about blobs of a lake.
#pragma once

#include <cstdint>
#include <string>

#include "cli/command_line.h"

namespace forebay::cli {

struct LakeEventFlags {
  std::string container, keep;
  std::uint64_t resolve = 0, dismiss = 0;  // numbers of conflicts; 0: none
  bool json = false;
};

// Below `lake`; `flags` outlives the command line.
void AddLakeEventCommands(CommandLine& line, CLI::App& lake, LakeEventFlags& flags);

}  // namespace forebay::cli
