#include "cli/config_flags.h"

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "config/schema.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace forebay::cli {
void ConfigFlags::AddFile(CLI::App& app) {
  app.add_option("-c,--config", file_, "The TOML file to read (FOREBAY_CONFIG)")
      ->type_name("FILE")
      ->group(kGroup);
}

void ConfigFlags::AddKey(CLI::App& app, std::string_view name) {
  const config::Key* key = config::FindKey(name);
  if (key == nullptr) Panic("no such key: " + std::string(name));
  std::string doc(key->doc);
  if (!key->default_value.empty()) doc += " [" + std::string(key->default_value) + "]";
  app.add_option(config::FlagOf(*key), values_[std::string(name)],
                 doc + " (" + config::EnvironmentOf(*key) + ")")
      ->type_name(std::string(config::TypeName(key->type)))
      ->allow_extra_args(false)
      ->group(kGroup);
  // A switch may be given alone: --allow-missing-volumes.
  if (key->type == config::Type::kBool) {
    app.get_option(config::FlagOf(*key))->expected(0, 1)->default_str("true");
  }
}

void ConfigFlags::AddAll(CLI::App& app) {
  AddFile(app);
  for (const config::Key& key : config::Schema()) AddKey(app, key.name);
  for (const config::Table& table : config::Tables()) {
    app.add_option(std::string(table.flag), values_[std::string(table.name)],
                   std::string(table.doc) + " (" + std::string(table.variable) + ")")
        ->type_name("key=value,…")
        ->allow_extra_args(false)
        ->group(kGroup);
  }
}

void ConfigFlags::AddStore(CLI::App& app) {
  AddFile(app);
  AddKey(app, "data");
}

Result<config::Config> ConfigFlags::Load() const {
  config::Input input;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("FOREBAY_")) continue;
    input.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  if (!file_.empty()) {
    input.file = file_;
  } else if (auto named = input.environment.find("FOREBAY_CONFIG");
             named != input.environment.end()) {
    input.file = named->second;
  }
  input.environment.erase("FOREBAY_CONFIG");
  for (const auto& [key, values] : values_) {
    for (const std::string& value : values) input.flags.emplace_back(key, value);
  }
  return config::Load(input);
}

}  // namespace forebay::cli
