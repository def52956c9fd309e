// Delete Blob, with its uncommitted blocks. The space comes back once no reader is left on the
// bytes. Errors: kContainerNotFound, kBlobNotFound, kConditionNotMet, kDirectoryNotEmpty
// (hierarchical), kPendingCopyOperation.
#pragma once

#include <optional>

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
  // Conditions on the time when the access tier was set; where nobody set one, when the blob was
  // made. Whole seconds; kMultipleConditionHeadersNotSupported for both.
  std::optional<WallTime> tier_modified_since = {};
  std::optional<WallTime> tier_unmodified_since = {};
};

Task<> DeleteBlob(Services& services, OpContext context, DeleteBlobRequest request);

}  // namespace forebay::engine
