// Where a command talks to people: results on one stream, errors and progress on another.
//
// One thread. The streams are not owned.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/error.h"

namespace forebay::cli {

struct Console {
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  bool terminal = false;  // `err` is looked at while the command runs

  static Console Standard();

  void Say(std::string_view text) const;    // a line of results
  void Note(std::string_view text) const;   // a line beside them
  int Refuse(const Error& error) const;     // "forebay: …"; answers the exit status, 1
  void Print(std::string_view text) const;  // results as they are
};

// Exit statuses besides 0 and 1 (it did not work).
inline constexpr int kExitProblems = 2;  // it worked, and found damage
inline constexpr int kExitUsage = 64;    // a wrong command line

// A bar on the terminal's last line, drawn anew by each Show and taken away at the end. Nothing
// where nobody looks.
class Progress {
 public:
  explicit Progress(const Console& console) : console_(console) {}
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of `total`, in bytes; above the total counts as all of it.
  void Show(std::string_view what, std::uint64_t done, std::uint64_t total);
  void Clear();

 private:
  const Console& console_;
  bool drawn_ = false;
};

// The same for what has no end yet: a line of words.
class Ticker {
 public:
  explicit Ticker(const Console& console) : console_(console) {}
  ~Ticker() { Clear(); }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

  void Show(std::string_view words);
  void Clear();

 private:
  const Console& console_;
  bool drawn_ = false;
};

// "1.5 GiB": for people, who need three digits.
std::string HumanBytes(std::uint64_t bytes);

}  // namespace forebay::cli
