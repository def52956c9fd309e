// `forebay serve`: runs a Server until SIGTERM or SIGINT, reloads on SIGHUP, tells systemd.
#pragma once

#include <functional>

#include "config/config.h"

namespace forebay::cli {

// The exit status: 0 after a drained end, 1 when the server could not start (the reason is on
// standard error). `load` reads the configuration again for a reload.
int Serve(const config::Config& config, const std::function<Result<config::Config>()>& load);

}  // namespace forebay::cli
