// The one table of configuration keys. Adding a key is adding a field to Config and a row here;
// flag, environment variable, validation, help, documentation and reload follow from the row.
//
// Constant data, thread safe.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace forebay::config {

enum class Type : std::uint8_t {
  kText,
  kBool,
  kInteger,
  kBytes,
  kDuration,
  kAddress,  // HOST:PORT
  kAddressList,
  kTextList,
  kSourceList,  // networks and hosts, see IsSource
  kLogLevel,
  kLogFormat,
  kServiceVersion,  // a date, from 2008-10-27 on
};

using Field = std::variant<std::string Config::*, bool Config::*, std::uint64_t Config::*,
                           std::chrono::nanoseconds Config::*, std::vector<std::string> Config::*,
                           LogLevel Config::*, LogFormat Config::*>;

struct Key {
  std::string_view name;  // "log.level"
  Type type;
  Field field;
  std::string_view default_value;  // as it would be written; lists separated by commas
  std::string_view doc;            // one or two sentences
  bool reloadable = false;         // takes effect on SIGHUP
  std::uint64_t min = 0;           // of kInteger, kBytes, and of kDuration in nanoseconds
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
};

std::span<const Key> Schema();
const Key* FindKey(std::string_view name);

std::string FlagOf(const Key& key);         // "--log-level"
std::string EnvironmentOf(const Key& key);  // "FOREBAY_LOG_LEVEL"
bool IsList(Type type);
// "duration", for people.
std::string_view TypeName(Type type);

// Sets the field from text. The error says what is wrong with the value, not where it came from.
Result<> Store(const Key& key, const std::vector<std::string>& values, Config& config);
// The field as it would be written in a file's value, without quotes; lists separated by commas.
std::string Show(const Key& key, const Config& config);

// What may be there several times: [[account]] and [[listener]]. Outside the file a row is written
// key=value,key=value; a value holds no comma and no semicolon.
struct Table {
  std::string_view name;      // "account"
  std::string_view flag;      // "--account", one row each time
  std::string_view variable;  // "FOREBAY_ACCOUNTS", rows separated by semicolons
  std::string_view doc;
};
std::span<const Table> Tables();

// Keys inside those tables.
struct TableKey {
  std::string_view table;
  std::string_view name;
  std::string_view type;
  std::string_view doc;
};
std::span<const TableKey> TableSchema();

}  // namespace forebay::config
