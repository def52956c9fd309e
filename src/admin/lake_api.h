// The operations on lakes: attach, detach, how they are.
//
//   GET  /v1/lakes          all attached containers; ?container=… for one
//   POST /v1/lakes/attach   a container begins to stand in front of a lake's; made when it is not
//                           there. Answers once the lake has said who it is; the import goes on
//   POST /v1/lakes/detach   ends it: what has bytes here stays, what has none goes. Waits until the
//                           lake has all changes, unless they are to be dropped
//   POST /v1/lakes/sync     answers when the lake has all that was changed before
//   POST /v1/lakes/approve  lets so many deletes travel that the guard holds back
//   POST /v1/lakes/verify   holds what lies in a lake that is room (mode capacity) against the
//                           records
//   POST /v1/lakes/takeover the part of such a lake is this server's from now on, whoever had it
//
// What a lake refuses is kNetwork with the lake's words and what to do about them (lake/advice.h).
// Containers are named as container_finder.h says.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "admin/control_api.h"
#include "engine/services.h"
#include "lake/accounting.h"
#include "rest/blob/accounts.h"
#include "tier/lake_tier.h"

namespace forebay::admin {

struct LakeParts {
  tier::LakeTier& tier;
  engine::Services& services;
  const rest::AccountRegistry& accounts;
  // What traffic with the lake of a container has cost, by account and container.
  std::function<std::optional<lake::LakeUsage>(const std::string&, const std::string&)> usage;
};

// References must outlive the API.
void AddLakeOperations(ControlApi& api, LakeParts parts);

}  // namespace forebay::admin
