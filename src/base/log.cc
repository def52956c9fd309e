#include "base/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/async.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/clock.h"
#include "base/encoding.h"

namespace forebay {
namespace {

constexpr std::size_t kQueueLines = 8192;
constexpr std::size_t kBufferBytes = 64 * 1024;

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "TRACE";
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "?";
}

// Writes whole lines to a descriptor that can be exchanged. Lines gather while more are waiting, so
// a busy server makes one system call for many requests.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Takes the descriptor over; closes the one before, except standard error.
  void Exchange(int fd) {
    std::lock_guard lock(mutex_);
    Write();
    if (fd_ != STDERR_FILENO) ::close(fd_);
    fd_ = fd;
  }
  void WatchQueue(std::weak_ptr<spdlog::details::thread_pool> pool) {
    std::lock_guard lock(mutex_);
    pool_ = std::move(pool);
  }
  std::uint64_t flushes() {
    std::lock_guard lock(flush_mutex_);
    return flushes_;
  }
  bool WaitForFlush(std::uint64_t after, std::chrono::milliseconds limit) {
    std::unique_lock lock(flush_mutex_);
    return flushed_.wait_for(lock, limit, [&] { return flushes_ > after; });
  }

 private:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    buffer_.append(msg.payload.data(), msg.payload.size());
    auto pool = pool_.lock();
    if (buffer_.size() >= kBufferBytes || !pool || pool->queue_size() == 0) Write();
  }
  void flush_() override {
    Write();
    std::lock_guard lock(flush_mutex_);
    ++flushes_;
    flushed_.notify_all();
  }
  void Write() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      ssize_t n = ::write(fd_, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;  // nowhere to report it: a full log disk must not stop the server
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    buffer_.clear();
  }

  int fd_ = STDERR_FILENO;
  std::string buffer_;
  std::weak_ptr<spdlog::details::thread_pool> pool_;
  std::mutex flush_mutex_;
  std::condition_variable flushed_;
  std::uint64_t flushes_ = 0;
};

struct Logger {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::atomic<LogFormat> format{LogFormat::kText};
  std::atomic<std::int64_t> next_drop_check_ms{0};
  std::atomic<std::size_t> drops_reported{0};
  std::shared_ptr<DescriptorSink> sink = std::make_shared<DescriptorSink>();
  std::shared_ptr<spdlog::details::thread_pool> pool =
      std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  std::shared_ptr<spdlog::async_logger> out;
  std::mutex options_mutex;
  std::string file;  // guarded by options_mutex

  Logger() {
    sink->WatchQueue(pool);
    out = std::make_shared<spdlog::async_logger>("forebay", sink, pool,
                                                 spdlog::async_overflow_policy::overrun_oldest);
    out->set_level(spdlog::level::trace);
  }
};

// Never destroyed, so that destructors of other statics may log; what waits is written at exit.
Logger& TheLogger() {
  static Logger* logger = [] {
    auto* made = new Logger;
    std::atexit(FlushLog);
    return made;
  }();
  return *logger;
}

void AppendTime(std::string& out, WallTime now) {
  std::time_t seconds = now.seconds();
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, now.millis() % 1000);
}

void AppendEscapedAscii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
      } else {
        out.push_back(c);
      }
  }
}

// Length of the well-formed UTF-8 character that `text` begins with; 0 where it begins with none.
std::size_t CharacterLength(std::string_view text) {
  for (std::size_t n = 1; n <= 4 && n <= text.size(); ++n) {
    if (IsValidUtf8(text.substr(0, n))) return n;
  }
  return 0;
}

// Escapes as JSON does, without the quotes. What a request carried may be any bytes, a line must
// be UTF-8 all the same: a byte that belongs to no character becomes U+FFFD.
void AppendEscaped(std::string& out, std::string_view text) {
  const bool valid = IsValidUtf8(text);
  while (!text.empty()) {
    const char c = text.front();
    if (valid || static_cast<unsigned char>(c) < 0x80) {
      AppendEscapedAscii(out, c);  // and bytes of longer characters as they are
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = CharacterLength(text);
    out += length == 0 ? std::string_view("\\ufffd") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  AppendEscaped(out, text);
  out.push_back('"');
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || !IsValidUtf8(text) || std::ranges::any_of(text, [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' ||
                  c == '\x7f';
         });
}

void AppendValue(std::string& out, const LogField& field, LogFormat format) {
  std::visit(
      [&](const auto& value) {
        using V = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<V, std::string_view>) {
          if (format == LogFormat::kJson || NeedsQuotes(value)) {
            AppendQuoted(out, value);
          } else {
            out += value;
          }
        } else if constexpr (std::is_same_v<V, double>) {
          // JSON has no NaN or infinity.
          if (format == LogFormat::kJson && !std::isfinite(value)) {
            out += "null";
          } else {
            fmt::format_to(std::back_inserter(out), "{}", value);
          }
        } else {
          fmt::format_to(std::back_inserter(out), "{}", value);
        }
      },
      field.value);
}

std::string FormatLine(LogFormat format, LogLevel level, std::string_view message,
                       std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(256);
  if (format == LogFormat::kText) {
    AppendTime(line, Clock::System().Now());
    line += ' ';
    line += LevelName(level);
    line += ' ';
    AppendEscaped(line, message);
    for (const LogField& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      AppendValue(line, field, format);
    }
  } else {
    line += R"({"time":")";
    AppendTime(line, Clock::System().Now());
    line += R"(","level":")";
    line += LevelName(level);
    line += R"(","message":)";
    AppendQuoted(line, message);
    for (const LogField& field : fields) {
      line += ',';
      AppendQuoted(line, field.key);
      line += ':';
      AppendValue(line, field, format);
    }
    line += '}';
  }
  line += '\n';
  return line;
}

void Submit(Logger& logger, std::string_view line) {
  logger.out->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

// At most once a second, since asking takes the queue's lock.
void ReportDrops(Logger& logger) {
  std::int64_t now = Clock::System().Now().millis();
  std::int64_t due = logger.next_drop_check_ms.load(std::memory_order_relaxed);
  if (now < due || !logger.next_drop_check_ms.compare_exchange_strong(due, now + 1000)) return;
  std::size_t total = logger.pool->overrun_counter();
  std::size_t before = logger.drops_reported.exchange(total);
  if (total <= before) return;
  Submit(logger, FormatLine(logger.format, LogLevel::kWarn, "log lines dropped",
                            {{"count", total - before}, {"total_count", total}}));
}

Result<int> OpenLogFile(const std::string& file) {
  if (file.empty()) return STDERR_FILENO;
  int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) {
    return Fail(Code::kIo, "Cannot open the log file " + file + ": " + std::strerror(errno));
  }
  return fd;
}

}  // namespace

Result<> ConfigureLog(const LogOptions& options) {
  Logger& logger = TheLogger();
  std::lock_guard lock(logger.options_mutex);
  FB_ASSIGN_OR_RETURN(int fd, OpenLogFile(options.file));
  FlushLog();  // what was logged before belongs to the old file
  logger.sink->Exchange(fd);
  logger.file = options.file;
  logger.level = options.level;
  logger.format = options.format;
  return {};
}

Result<> ReopenLog() {
  Logger& logger = TheLogger();
  std::lock_guard lock(logger.options_mutex);
  FB_ASSIGN_OR_RETURN(int fd, OpenLogFile(logger.file));
  logger.sink->Exchange(fd);
  return {};
}

void FlushLog() {
  Logger& logger = TheLogger();
  std::uint64_t before = logger.sink->flushes();
  logger.out->flush();
  // The queue may drop the request under load, and the disk may hang: never wait for ever.
  logger.sink->WaitForFlush(before, std::chrono::seconds(2));
}

bool LogEnabled(LogLevel level) {
  return level >= TheLogger().level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level)) return;
  Logger& logger = TheLogger();
  ReportDrops(logger);
  Submit(logger, FormatLine(logger.format.load(std::memory_order_relaxed), level, message, fields));
}

void Panic(std::string_view message) {
  Log(LogLevel::kError, "panic", {{"reason", message}});
  FlushLog();
  // Standard error too: the log may be a file that nobody looks at, and a core dump follows.
  std::string line = "forebay: panic: " + std::string(message) + "\n";
  if (::write(STDERR_FILENO, line.data(), line.size()) < 0) std::abort();
  std::abort();
}

}  // namespace forebay
