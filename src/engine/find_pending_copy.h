// Where the blob is into which a copy is pending, when it is not where the copy began: a directory
// above it was renamed. Reads all names of the container at one moment, so that a rename cannot
// slip past; for the rare copy that has lost its blob. Runs on the pool.
//
// nullopt: there is no such blob any more. Errors: kContainerNotFound, those of the store.
#pragma once

#include <optional>
#include <string>

#include "async/context.h"
#include "azure/names.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

Task<std::optional<azure::BlobName>> FindPendingCopy(Services& services, OpContext context,
                                                     ContainerTarget target, std::string copy_id);

}  // namespace forebay::engine
