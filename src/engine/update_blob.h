// Set Blob Properties (HTTP headers), Set Blob Metadata, Set Blob Tags and Set Blob Tier: each
// replaces its part of the record, never the body. Tags and tier keep ETag and Last-Modified, as in
// Azure.
//
// The tier is an attribute here, the bytes are where they are whatever it says (but Hot has those
// that only a lake holds fetched, in the background): a blob leaves Archive at once. The answer
// still says that rehydration was begun (202), which is what a client expects, and the next look at
// the blob finds it done. A blob that is in a lake leaves the lake's archive, in its time: it is
// archived until the lake says that it has arrived, with an archive status as in Azure.
//
// Errors: kContainerNotFound, kBlobNotFound, kConditionNotMet, kBlobArchived (HTTP headers and
// metadata cannot change then), kBlobBeingRehydrated (another tier while it is on its way),
// kInvalidBlobTier (a directory has none), kPendingCopyOperation.
#pragma once

#include <optional>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct UpdateBlobRequest {
  BlobTarget target;
  azure::Conditions conditions = {};
  std::optional<azure::BlobHttpHeaders> http = {};
  std::optional<azure::Metadata> metadata = {};
  std::optional<azure::Tags> tags = {};
  std::optional<azure::AccessTier> tier = {};
  azure::RehydratePriority rehydrate_priority = azure::RehydratePriority::kStandard;
};
struct UpdateBlobResult {
  Changed changed;
  bool rehydration_pending = false;  // Set Blob Tier out of Archive: 202
};

Task<UpdateBlobResult> UpdateBlob(Services& services, OpContext context, UpdateBlobRequest request);

}  // namespace forebay::engine
