#include "cli/config_flags.h"

#include <CLI/CLI.hpp>

#include "config/schema.h"

extern char** environ;  // NOLINT: POSIX declares it so

namespace forebay::cli {

void ConfigFlags::AddTo(CLI::App& app) {
  app.add_option("-c,--config", file_, "TOML file (also FOREBAY_CONFIG); see docs/configuration.md")
      ->type_name("FILE");
  for (const config::Key& key : config::Schema()) {
    std::string doc(key.doc);
    if (!key.default_value.empty()) doc += " [" + std::string(key.default_value) + "]";
    app.add_option(config::FlagOf(key), values_[std::string(key.name)], doc)
        ->type_name(std::string(config::TypeName(key.type)))
        ->allow_extra_args(false)
        ->group("Configuration (environment: " + std::string("FOREBAY_…)"));
  }
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
