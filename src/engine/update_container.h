// Set Container Metadata and Set Container ACL: each replaces its part of the record and makes a
// new ETag. Errors: kContainerNotFound, kConditionNotMet.
#pragma once

#include <optional>
#include <vector>

#include "async/context.h"
#include "azure/conditions.h"
#include "azure/permissions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct UpdateContainerRequest {
  ContainerTarget target;
  azure::Conditions conditions = {};
  std::optional<azure::Metadata> metadata = {};  // Set Container Metadata
  struct Acl {
    azure::PublicAccess public_access = azure::PublicAccess::kNone;
    std::vector<azure::StoredPolicy> policies = {};
  };
  std::optional<Acl> acl = {};  // Set Container ACL
};

Task<Changed> UpdateContainer(Services& services, OpContext context,
                              UpdateContainerRequest request);

}  // namespace forebay::engine
