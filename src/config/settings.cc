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

const Table* FindTable(std::string_view name) {
  for (const Table& table : Tables()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(Trim(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
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
  for (std::string_view part : Split(text, ',')) values.emplace_back(part);
  return values;
}

Row ReadRow(const Table& table, std::string_view text, const std::string& origin) {
  Row row{std::string(table.name), {}, origin};
  for (std::string_view part : Split(text, ',')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    Setting setting{std::string(Trim(part.substr(0, equals))), {}, origin};
    if (equals != std::string_view::npos) {
      setting.values.emplace_back(Trim(part.substr(equals + 1)));
    }
    row.settings.push_back(std::move(setting));
  }
  return row;
}

EnvironmentSettings ReadEnvironment(const std::map<std::string, std::string>& environment) {
  EnvironmentSettings out;
  std::map<std::string_view, const Table*> tables;
  for (const Table& table : Tables()) tables[table.variable] = &table;
  std::map<std::string, const Key*> keys;
  for (const Key& key : Schema()) keys[EnvironmentOf(key)] = &key;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("FOREBAY_") || name == "FOREBAY_CONFIG") continue;
    if (auto key = keys.find(name); key != keys.end()) {
      out.settings.push_back({std::string(key->second->name), ValuesOf(*key->second, value), name});
    } else if (auto table = tables.find(name); table != tables.end()) {
      std::size_t number = 0;
      for (std::string_view text : Split(value, ';')) {
        if (text.empty()) continue;
        out.rows.push_back(
            ReadRow(*table->second, text, name + ", entry " + std::to_string(++number)));
      }
    } else {
      out.unknown.push_back(name);
    }
  }
  return out;
}

FlagSettings ReadFlags(std::span<const std::pair<std::string, std::string>> flags) {
  FlagSettings out;
  std::map<std::string, std::size_t> numbers;
  for (const auto& [name, value] : flags) {
    if (const Table* table = FindTable(name)) {
      const std::string number = std::to_string(++numbers[name]);
      out.rows.push_back(ReadRow(*table, value, std::string(table->flag) + ", entry " + number));
      continue;
    }
    const Key* key = FindKey(name);
    const bool list = key != nullptr && IsList(key->type);
    std::vector<std::string> values = list ? SplitList(value) : std::vector{value};
    auto at = std::ranges::find(out.settings, name, &Setting::key);
    if (at == out.settings.end()) {
      out.settings.push_back({name, std::move(values), key ? FlagOf(*key) : "--" + name});
    } else if (list) {
      at->values.insert(at->values.end(), values.begin(), values.end());
    } else {
      at->values = std::move(values);  // as everywhere, the last one wins
    }
  }
  return out;
}

}  // namespace forebay::config
