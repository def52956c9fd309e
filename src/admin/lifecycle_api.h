// The operations on lifecycle policies: Azure's JSON, by account.
//
//   GET  /v1/lifecycle          ?account=…: the policy, and how its last run here went
//   POST /v1/lifecycle          puts one
//   POST /v1/lifecycle/delete
//   POST /v1/lifecycle/run      carries it out now; with `dry_run` lists what would move, also by a
//                               policy that comes with the request
#pragma once

#include "admin/control_api.h"
#include "admin/lake_api.h"

namespace forebay::admin {

// References must outlive the API.
void AddLifecycleOperations(ControlApi& api, LakeParts parts);

}  // namespace forebay::admin
