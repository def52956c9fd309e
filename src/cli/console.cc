#include "cli/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace forebay::cli {
namespace {

constexpr std::size_t kBarWidth = 30;

void Write(std::FILE* to, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

}  // namespace

Console Console::Standard() {
  return {.out = stdout, .err = stderr, .terminal = ::isatty(::fileno(stderr)) == 1};
}

void Console::Say(std::string_view text) const { Write(out, std::string(text) + "\n"); }
void Console::Note(std::string_view text) const { Write(err, std::string(text) + "\n"); }
void Console::Print(std::string_view text) const { Write(out, text); }

int Console::Refuse(const Error& error) const {
  Note("forebay: " + error.message());
  return 1;
}

void Progress::Show(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (!console_.terminal) return;
  done = std::min(done, total);
  const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  Write(console_.err,
        fmt::format("\r\x1b[K{} [{:<{}}] {:3.0f} %  {} of {}", what, std::string(filled, '='),
                    kBarWidth, share * 100, HumanBytes(done), HumanBytes(total)));
  drawn_ = true;
}

void Progress::Clear() {
  if (drawn_) Write(console_.err, "\r\x1b[K");
  drawn_ = false;
}

void Ticker::Show(std::string_view words) {
  if (!console_.terminal) return;
  Write(console_.err, fmt::format("\r\x1b[K{}", words));
  drawn_ = true;
}

void Ticker::Clear() {
  if (drawn_) Write(console_.err, "\r\x1b[K");
  drawn_ = false;
}

std::string HumanBytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.{}f} {}", value, value < 9.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace forebay::cli
