// Get Container Properties, Metadata and ACL: all three read one record. Errors:
// kContainerNotFound.
#pragma once

#include "async/context.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

Task<meta::ContainerRecord> GetContainer(Services& services, OpContext context,
                                         ContainerTarget target);

// The same inside an operation. kWouldBlock follows the reader's mode.
Result<meta::ContainerRecord> RequireContainer(const kv::Reader& reader,
                                               const azure::AccountName& account,
                                               const azure::ContainerName& container);

}  // namespace forebay::engine
