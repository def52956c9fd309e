// How a command talks to the server that has the data directory: the admin listener, with a token
// that only who can read the data directory knows (DATA/admin.token, mode 0600).
//
//   POST /v1/backup   body: the folder, absolute.  200 with a sentence, or an error's status and
//   text
#pragma once

#include <string>

#include "admin/admin_service.h"
#include "base/result.h"
#include "cli/node.h"
#include "config/config.h"

namespace forebay::cli {

// Makes the token when there is none, and adds the routes. The pool runs what blocks.
Result<> AddControlRoutes(admin::AdminService& admin, Node& node, ThreadPool& pool,
                          const config::Config& config);

// Calls a route of the running server; the answer's text.
Result<std::string> CallServer(const config::Config& config, const std::string& path,
                               std::string body);

}  // namespace forebay::cli
