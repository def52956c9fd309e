// The configuration's keys as flags of a subcommand: one flag a key of the schema, and --config.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"

namespace CLI {
class App;
}

namespace forebay::cli {

class ConfigFlags {
 public:
  void AddTo(CLI::App& app);
  // From flags, environment and file. Call after parsing, again for a reload.
  Result<config::Config> Load() const;

 private:
  std::string file_;
  std::map<std::string, std::vector<std::string>> values_;  // by key of the schema
};

}  // namespace forebay::cli
