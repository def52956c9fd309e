// Path Delete: a file, or a directory with all that is in it.
//
// On a hierarchical account a directory goes in one step, whatever it holds; its space comes back
// in the background. On a flat account the blobs below it go page by page: while `next` is not
// empty the caller asks again with it; each is a blob of its own, so that a lease on one of them
// (kLeaseIdMissing) or a copy pending into it ends the call there. Inside a directory of a
// hierarchical account neither holds it back: as in Azure it goes as a container does, and the copy
// ends without a trace. Errors: kContainerNotFound, kBlobNotFound, kConditionNotMet,
// kDirectoryNotEmpty (without `recursive`), kPendingCopyOperation, those of a lease.
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
