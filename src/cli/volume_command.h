// `forebay volume …`: the data directories of a store, running or at rest. Each answers the
// process's exit status.
#pragma once

#include <string>

#include "cli/console.h"
#include "cli/control.h"

namespace forebay::cli {

int VolumeList(Control& control, const Console& console, bool json);
// With `wait`, until the volume is empty; progress on a terminal.
int VolumeDrain(Control& control, const Console& console, const std::string& volume, bool wait);
int VolumeActivate(Control& control, const Console& console, const std::string& volume);
int VolumeRemove(Control& control, const Console& console, const std::string& volume, bool force);

}  // namespace forebay::cli
