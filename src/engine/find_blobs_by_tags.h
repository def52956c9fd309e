// Find Blobs by Tags, in one container or a whole account, from the tag index: cost follows the
// rows of the expression's narrowest terms (engine/tag_rows.h), not the number of blobs.
//
// Containers come in order of their names. A page that has looked at many rows without finding
// enough ends early, possibly empty, with the position to go on from, as Azure's may.
//
// Errors: kContainerNotFound (a container was asked for; one that only the expression names may be
// missing), kInvalidQueryParameterValue (an expression without a tag).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "azure/tag_expression.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct FindBlobsByTagsRequest {
  Account account;
  std::optional<azure::ContainerName> container = {};  // absent: all containers of the account
  azure::TagQuery where;
  // From the marker: what the last page answered as `next_container` and `next_name`, for the
  // same expression.
  std::string start_container = {};
  std::string start_name = {};
  std::size_t max_results = 5000;
};
struct FoundBlob {
  azure::ContainerName container;
  azure::BlobName name;
  azure::Tags tags;  // those that the expression names
};
struct FindBlobsByTagsResult {
  std::vector<FoundBlob> blobs;
  std::string next_container;  // empty at the end
  std::string next_name;       // any bytes, opaque; may be empty
};

Task<FindBlobsByTagsResult> FindBlobsByTags(Services& services, OpContext context,
                                            FindBlobsByTagsRequest request);

}  // namespace forebay::engine
