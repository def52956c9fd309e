// Create Container: a new, empty container. Errors: kContainerAlreadyExists.
#pragma once

#include "async/context.h"
#include "azure/permissions.h"
#include "engine/services.h"
#include "engine/target.h"
#include "meta/records.h"

namespace forebay::engine {

struct CreateContainerRequest {
  ContainerTarget target;
  azure::PublicAccess public_access = azure::PublicAccess::kNone;
  azure::Metadata metadata = {};
};

// The record of a new container, which nobody has stored yet. kBusy when no ids are left for the
// moment.
Result<meta::ContainerRecord> NewContainer(Services& services, CreateContainerRequest request);

Task<Changed> CreateContainer(Services& services, OpContext context,
                              CreateContainerRequest request);

}  // namespace forebay::engine
