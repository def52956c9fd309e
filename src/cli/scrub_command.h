// `forebay scrub …`: reads and checks everything that a store holds. Each answers the process's
// exit status: 0 sound, 2 damage was found, 1 it did not work.
#pragma once

#include <cstdint>
#include <optional>

#include "cli/console.h"
#include "cli/control.h"

namespace forebay::cli {

int ScrubStatus(Control& control, const Console& console, bool json);
// With `wait`, until it is over; always where the store is at rest. `rate` in bytes a second.
int ScrubStart(Control& control, const Console& console, std::optional<std::uint64_t> rate,
               bool wait);
int ScrubCancel(Control& control, const Console& console);

}  // namespace forebay::cli
