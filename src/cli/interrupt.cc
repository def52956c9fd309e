#include "cli/interrupt.h"

namespace forebay::cli {
namespace {

volatile std::sig_atomic_t seen = 0;

extern "C" void NoteInterrupt(int) { seen = 1; }

}  // namespace

Interrupt::Interrupt() {
  seen = 0;
  struct sigaction action{};
  action.sa_handler = NoteInterrupt;
  // The next one does what it always did.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, &before_);
}

Interrupt::~Interrupt() { sigaction(SIGINT, &before_, nullptr); }

bool Interrupt::requested() const { return seen != 0; }

}  // namespace forebay::cli
