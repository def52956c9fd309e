// Set Blob Properties (HTTP headers), Set Blob Metadata, Set Blob Tags and Set Blob Tier: each
// replaces its part of the record, never the body. Tags and tier keep ETag and Last-Modified, as in
// Azure. Errors: kContainerNotFound, kBlobNotFound, kConditionNotMet, kBlobArchived,
// kBlobBeingRehydrated, kInvalidBlobTier.
#pragma once

#include <optional>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct UpdateBlobRequest {
  BlobTarget target;
  azure::Conditions conditions;
  std::optional<azure::BlobHttpHeaders> http;
  std::optional<azure::Metadata> metadata;
  std::optional<azure::Tags> tags;
  std::optional<azure::AccessTier> tier;
  azure::RehydratePriority rehydrate_priority = azure::RehydratePriority::kStandard;
};
struct UpdateBlobResult {
  Changed changed;
  bool rehydration_pending = false;  // Set Blob Tier out of Archive: 202
};

Task<UpdateBlobResult> UpdateBlob(Services& services, OpContext context, UpdateBlobRequest request);

}  // namespace forebay::engine
