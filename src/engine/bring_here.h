// Makes the bytes of a blob that only its lake has bytes of this server, so that what adds to them
// can name them. The blob stays what it was: ETag, properties, and what is known of the lake's
// copy.
//
// Reads the whole body. Nothing happens to one that is here. Errors: kContainerNotFound,
// kBlobNotFound, kStale (it changed meanwhile), kNoSpace, kOffline and the lake's own.
#pragma once

#include "async/context.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

Task<> BringHere(Services& services, OpContext context, BlobTarget target);

}  // namespace forebay::engine
