// Put Block From URL when the source is a range of a blob of this server: the staged block names
// the same bytes; nothing is read or written beyond records (unless checksums must be verified).
// Errors: those of Put Block, and of a source: kBlobNotFound, kSourceConditionNotMet,
// kInvalidRange (any of it is beyond the end).
#pragma once

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/get_blob.h"
#include "engine/put_block.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct PutBlockFromBlobRequest {
  BlobTarget source;
  azure::Conditions source_conditions;
  std::optional<GetBlobRequest::Range> source_range;
  BlobTarget target;
  azure::BlockId block_id;
  std::optional<std::string> lease_id = {};  // of the target
  ExpectedChecksums expected;
};

Task<PutBlockResult> PutBlockFromBlob(Services& services, OpContext context,
                                      PutBlockFromBlobRequest request);

}  // namespace forebay::engine
