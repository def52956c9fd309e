// Get Block List: the blob's committed blocks in order and its uncommitted ones by id. A blob that
// has only uncommitted blocks answers without `blob`. Conditions are checked against the committed
// blob, if there is one. Errors: kContainerNotFound, kBlobNotFound (neither a blob nor a block),
// kConditionNotMet, kNotModified.
#pragma once

#include <optional>
#include <vector>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct GetBlockListRequest {
  BlobTarget target;
  azure::Conditions conditions = {};
  bool committed = true;
  bool uncommitted = false;
};
struct GetBlockListResult {
  std::optional<meta::BlobRecord> blob;  // the committed blob, if there is one
  std::vector<meta::CommittedBlock> committed;
  std::vector<meta::CommittedBlock> uncommitted;
};

Task<GetBlockListResult> GetBlockList(Services& services, OpContext context,
                                      GetBlockListRequest request);

}  // namespace forebay::engine
