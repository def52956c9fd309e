// Ctrl-C while a command only watches work that a server does: it is noticed, not obeyed, so that
// the command can say what goes on without it. The second one ends the process.
//
// One at a time, on the main thread.
#pragma once

#include <csignal>

namespace forebay::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();  // as it was before
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;

 private:
  struct sigaction before_{};
};

}  // namespace forebay::cli
