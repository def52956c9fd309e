// `forebay lake …`: attach a container to one of a lake, see how it is, detach it.
#pragma once

#include <memory>

#include "cli/command_line.h"

namespace forebay::cli {

// What the flags of these commands fill.
class LakeCommands {
 public:
  explicit LakeCommands(CommandLine& line);
  ~LakeCommands();

 private:
  struct Values;
  static void AddAttach(CommandLine& line, CLI::App& lake, Values& values);
  static void AddMore(CommandLine& line, CLI::App& lake, Values& values);

  std::unique_ptr<Values> values_;
};

}  // namespace forebay::cli
