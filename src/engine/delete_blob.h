// Delete Blob, with its uncommitted blocks. The space comes back once no reader is left on the
// bytes. Errors: kContainerNotFound, kBlobNotFound, kConditionNotMet, kDirectoryNotEmpty
// (hierarchical), kPendingCopyOperation.
#pragma once

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct DeleteBlobRequest {
  BlobTarget target;
  azure::Conditions conditions;
  // Snapshots do not exist yet; `kOnly` deletes nothing, as there are none.
  azure::DeleteSnapshots snapshots = azure::DeleteSnapshots::kUnspecified;
};

Task<> DeleteBlob(Services& services, OpContext context, DeleteBlobRequest request);

}  // namespace forebay::engine
