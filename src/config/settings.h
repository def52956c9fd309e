// What a source of configuration says, before anyone asks whether it makes sense: keys, values and
// where they stand. Readers for TOML, the environment and the command line.
//
// Pure functions over text, thread safe. toml++ is used in toml.cc only.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

namespace forebay::config {

struct Setting {
  std::string key;                  // dotted: "log.level"
  std::vector<std::string> values;  // one, or those of a list
  std::string origin;               // "forebay.toml:12", "FOREBAY_LOG_LEVEL", "--log-level"
};

// One [[account]] or [[listener]].
struct Row {
  std::string table;
  std::vector<Setting> settings;
  std::string origin;
};

struct FileSettings {
  std::vector<Setting> settings;
  std::vector<Row> rows;
};

// `name` is the file's name for messages. Unknown keys pass; they are judged against the schema
// later.
Result<FileSettings> ReadToml(std::string_view text, const std::string& name);

struct EnvironmentSettings {
  std::vector<Setting> settings;
  std::vector<Row> rows;
  std::vector<std::string> unknown;  // FOREBAY_ variables that are neither
};
EnvironmentSettings ReadEnvironment(const std::map<std::string, std::string>& environment);

struct FlagSettings {
  std::vector<Setting> settings;
  std::vector<Row> rows;
};
// Pairs of a key or table and its value, as Input::flags has them.
FlagSettings ReadFlags(std::span<const std::pair<std::string, std::string>> flags);

// A row of `table` as flags and variables write it: key=value,key=value. A part without "=" becomes
// a setting without a value.
Row ReadRow(const Table& table, std::string_view text, const std::string& origin);

// The candidate nearest in spelling, quoted as a question: " (did you mean \"log.level\"?)", or
// nothing when none is near.
std::string DidYouMean(std::string_view word, std::span<const std::string> candidates);

// Splits at commas, trims blanks; an empty text is an empty list.
std::vector<std::string> SplitList(std::string_view text);

}  // namespace forebay::config
