// Create Container: a new, empty container. Errors: kContainerAlreadyExists.
#pragma once

#include "async/context.h"
#include "azure/permissions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct CreateContainerRequest {
  ContainerTarget target;
  azure::PublicAccess public_access = azure::PublicAccess::kNone;
  azure::Metadata metadata = {};
};

Task<Changed> CreateContainer(Services& services, OpContext context,
                              CreateContainerRequest request);

}  // namespace forebay::engine
