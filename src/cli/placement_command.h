// `forebay prefetch …` and `forebay tier …`: which bytes of a lake are here.
#pragma once

#include <memory>

#include "cli/command_line.h"

namespace forebay::cli {

// What the flags of these commands fill.
class PlacementCommands {
 public:
  explicit PlacementCommands(CommandLine& line);
  ~PlacementCommands();

 private:
  struct Values;
  std::unique_ptr<Values> values_;
};

}  // namespace forebay::cli
