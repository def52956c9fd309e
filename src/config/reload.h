// What a SIGHUP may change in a running server, and what has to wait for a restart.
//
// Pure function, thread safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace forebay::config {

struct ReloadPlan {
  std::vector<std::string> applied;  // keys that changed and take effect now
  std::vector<std::string> restart;  // keys that changed but need a restart: warn, by name
  // `running` with only what may change now taken from `next`.
  Config effective;
};

// Accounts and their keys, the log, and the TLS files of a listener that stays on its address take
// effect; adding, removing or moving a listener, an account's `hierarchical`, and every key that
// the schema does not mark as reloadable do not. Certificates are read again in any case, since
// their files may have changed under the same name.
//
// kInvalidConfig, and nothing is to change, when what results must not run: the published key on a
// listener that stays open to others, or every configured account gone for the development ones (a
// file that somebody is just writing anew looks like that).
Result<ReloadPlan> PlanReload(const Config& running, const Config& next);

}  // namespace forebay::config
