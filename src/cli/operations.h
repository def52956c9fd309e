// Everything that an administrator may ask of a node, as operations of a ControlApi: volumes,
// scrub, backup. The same for the admin listener and for a command that opened the store itself.
#pragma once

#include "admin/control_api.h"
#include "cli/node.h"

namespace forebay::cli {

// What blocks, for hours where it is a backup, runs on `pool`, which is not the one that requests
// read on. Node and pool must outlive the API.
void AddOperations(admin::ControlApi& api, Node& node, ThreadPool& pool);

}  // namespace forebay::cli
