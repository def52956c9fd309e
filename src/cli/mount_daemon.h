// A command that goes to the background once it is fit for work: the process starts itself again,
// and waits until that one says so.
//
// One thread. The one in the background is a fresh process, since a fork would lose threads; it has
// a session of its own, and speaks through a pipe: what it writes is the error that it ended with.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

namespace forebay::cli {

// The flag by which the process in the background knows its pipe.
inline constexpr const char* kReadyFlag = "--ready-fd";

// In the process that was called: starts this program anew with its own arguments and kReadyFlag,
// and answers the exit status when it is ready (0) or has failed (its message, on the console).
int StartInBackground(const Console& console);

// In the process in the background. `descriptor` below zero: there is no such pipe, and errors go
// to the console.
class ReadyPipe {
 public:
  ReadyPipe(int descriptor, const Console& console);
  ~ReadyPipe();
  ReadyPipe(const ReadyPipe&) = delete;
  ReadyPipe& operator=(const ReadyPipe&) = delete;

  bool background() const { return background_; }
  // Fit for work: from here on nobody waits.
  void Ready();
  // It did not work. Answers the exit status, 1.
  int Refuse(const Error& error);

 private:
  void Send(const std::string& text);
  int descriptor_;
  const bool background_;
  const Console& console_;
};

}  // namespace forebay::cli
