// Structured logging: one JSON object or one `key=value` line an event, to standard error or a
// file.
//
//   Log(LogLevel::kInfo, "listening", {{"address", "127.0.0.1:10000"}, {"tls", false}});
//
// Field names are snake_case, units last (duration_us). Never a secret, never a SAS signature.
// Thread safe; writing never blocks a caller for longer than a bounded queue (oldest lines are
// dropped and counted, and the count is logged).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace forebay {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogField {
  std::string_view key;
  std::variant<bool, std::int64_t, std::uint64_t, double, std::string_view> value;

  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, int v) : key(k), value(std::int64_t{v}) {}
  LogField(std::string_view k, unsigned v) : key(k), value(std::uint64_t{v}) {}
  LogField(std::string_view k, long v) : key(k), value(std::int64_t{v}) {}
  LogField(std::string_view k, long long v) : key(k), value(std::int64_t{v}) {}
  LogField(std::string_view k, unsigned long v) : key(k), value(std::uint64_t{v}) {}
  LogField(std::string_view k, unsigned long long v) : key(k), value(std::uint64_t{v}) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string file;  // empty: standard error. Reopened by ReopenLog (log rotation).
};

// Sets up logging for the process; before it, kInfo and above go to standard error as text.
Result<> ConfigureLog(const LogOptions& options);
Result<> ReopenLog();
void FlushLog();

// Cheap: lets a caller skip building fields.
bool LogEnabled(LogLevel level);
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

// A broken invariant: logs and aborts. For bugs, never for input.
[[noreturn]] void Panic(std::string_view message);

}  // namespace forebay
