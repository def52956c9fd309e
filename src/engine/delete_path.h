// Path Delete: a file, or a directory with all that is in it.
//
// On a hierarchical account a directory goes in one step, whatever it holds; its space comes back
// in the background. On a flat account the blobs below it go page by page: while `next` is not
// empty the caller asks again with it. Leases inside a directory do not hold it back. Errors:
// kContainerNotFound, kBlobNotFound, kConditionNotMet, kDirectoryNotEmpty (without `recursive`),
// kPendingCopyOperation, those of a lease on the path.
#pragma once

#include <string>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct DeletePathRequest {
  BlobTarget target;
  azure::Conditions conditions;
  bool recursive = false;
  std::string start;               // flat: `next` of the call before
  std::size_t max_records = 5000;  // flat: blobs a call
};
struct DeletePathResult {
  std::string next;
};

Task<DeletePathResult> DeletePath(Services& services, OpContext context, DeletePathRequest request);

}  // namespace forebay::engine
