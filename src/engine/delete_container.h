// Delete Container: the name is free at once; what was in it is swept in the background, a small
// transaction at a time. Errors: kContainerNotFound, kConditionNotMet (If-(Un)Modified-Since only),
// and those of a lease (kLeaseIdMissing …).
#pragma once

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct DeleteContainerRequest {
  ContainerTarget target;
  azure::Conditions conditions = {};
};

Task<> DeleteContainer(Services& services, OpContext context, DeleteContainerRequest request);

}  // namespace forebay::engine
