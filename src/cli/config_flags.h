// The configuration as flags of a subcommand: --config, one flag a key of the schema, and one a
// table (--account, --listener).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace CLI {
class App;
}

namespace forebay::cli {

class ConfigFlags {
 public:
  // Under this title the flags stand in the help.
  static constexpr const char* kGroup = "Configuration (docs/configuration.md)";

  // Every key.
  void AddAll(CLI::App& app);
  // Only what says which store is meant: for commands that look after one. May be called for
  // several subcommands; the one that runs fills the values.
  void AddStore(CLI::App& app);
  // From flags, environment and file. Call after parsing, again for a reload.
  Result<config::Config> Load() const;

 private:
  void AddFile(CLI::App& app);
  void AddKey(CLI::App& app, std::string_view name);

  std::string file_;
  std::map<std::string, std::vector<std::string>> values_;  // by key of the schema, or table
};

}  // namespace forebay::cli
