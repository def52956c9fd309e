#include "config/settings.h"

#include <algorithm>
#include <numeric>

#include "config/schema.h"

namespace forebay::config {
namespace {

// Insertions, deletions and replacements between two words.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t k = 0; k < b.size(); ++k) {
      std::size_t replaced = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({replaced, row[k] + 1, row[k + 1] + 1});
    }
  }
  return row.back();
}

std::vector<std::string> ValuesOf(const Key& key, const std::string& text) {
  return IsList(key.type) ? SplitList(text) : std::vector{text};
}

const Key* FindFlag(std::string_view flag) {
  for (const Key& key : Schema()) {
    if (FlagOf(key) == flag) return &key;
  }
  return nullptr;
}

std::string SuggestFlag(std::string_view flag) {
  std::vector<std::string> names = {"--config", "--help"};
  for (const Key& key : Schema()) names.push_back(FlagOf(key));
  return DidYouMean(flag, names);
}

}  // namespace

std::string DidYouMean(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    // A key written without its table ("level") is near whatever the lengths.
    std::size_t distance =
        candidate.ends_with("." + std::string(word)) ? 0 : Distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  return best == nullptr ? "" : " (did you mean \"" + *best + "\"?)";
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> values;
  while (!text.empty()) {
    std::size_t comma = std::min(text.find(','), text.size());
    std::string_view value = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    values.emplace_back(value);
  }
  return values;
}

std::vector<Setting> ReadEnvironment(const std::map<std::string, std::string>& environment,
                                     std::vector<std::string>& unknown) {
  std::vector<Setting> settings;
  std::map<std::string, const Key*> keys;
  for (const Key& key : Schema()) keys[EnvironmentOf(key)] = &key;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("FOREBAY_") || name == "FOREBAY_CONFIG") continue;
    if (auto at = keys.find(name); at != keys.end()) {
      settings.push_back({std::string(at->second->name), ValuesOf(*at->second, value), name});
    } else {
      unknown.push_back(name);
    }
  }
  return settings;
}

Result<CommandLine> ReadCommandLine(std::span<const std::string> arguments) {
  CommandLine line;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      line.help = true;
      continue;
    }
    if (!argument.starts_with("--")) {
      return Fail(Code::kInvalidConfig, "\"" + argument + "\" is not a flag");
    }
    std::size_t equals = std::min(argument.find('='), argument.size());
    std::string flag = argument.substr(0, equals);
    const Key* key = FindFlag(flag);
    if (key == nullptr && flag != "--config") {
      return Fail(Code::kInvalidConfig, "unknown flag " + flag + SuggestFlag(flag));
    }
    std::string value;
    bool boolean = key != nullptr && key->type == Type::kBool;
    if (equals != argument.size()) {
      value = argument.substr(equals + 1);
    } else if (boolean) {
      value = "true";
    } else if (i + 1 < arguments.size() && !arguments[i + 1].starts_with("--")) {
      value = arguments[++i];
    } else {
      return Fail(Code::kInvalidConfig, "the flag " + flag + " needs a value");
    }
    if (key == nullptr) {
      line.config_file = value;
    } else {
      line.flags.emplace_back(std::string(key->name), value);
    }
  }
  return line;
}

}  // namespace forebay::config
