// Find Blobs by Tags, in one container or a whole account, from the tag index: cost follows the
// rows of the expression's narrowest term, not the number of blobs. Errors: kContainerNotFound,
// kInvalidQueryParameterValue.
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
  std::optional<azure::ContainerName> container;  // absent: all containers of the account
  azure::TagQuery where;
  std::string start_container;  // from the marker; both inclusive
  std::string start_name;
  std::size_t max_results = 5000;
};
struct FoundBlob {
  azure::ContainerName container;
  azure::BlobName name;
  azure::Tags tags;  // those that the expression names
};
struct FindBlobsByTagsResult {
  std::vector<FoundBlob> blobs;
  std::string next_container;  // both empty at the end
  std::string next_name;
};

Task<FindBlobsByTagsResult> FindBlobsByTags(Services& services, OpContext context,
                                            FindBlobsByTagsRequest request);

}  // namespace forebay::engine
