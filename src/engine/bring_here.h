// Makes the bytes of a blob that only its lake has bytes of this server, so that what is made of
// them can name them. The blob stays what it was: ETag, properties, committed blocks, and what is
// known of the lake's copy.
//
// Reads the whole body: what is here from here, the rest through its lake, which leaves it here for
// another try. Nothing happens to one that is here. Errors: kContainerNotFound, kBlobNotFound (and
// those of engine/node.h), kStale (it changed meanwhile), kNoSpace, kOffline and the lake's own.
#pragma once

#include "async/context.h"
#include "engine/node.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

Task<> BringHere(Services& services, OpContext context, BlobTarget target);
// A file by its node, which may have no name; conditions are not looked at.
Task<> BringHere(Services& services, OpContext context, NodeTarget target);

// What to tell a client whose request needed bytes that did not come: a connection that breaks
// between here and the lake is not the client's.
Error NotBrought(Error error);

}  // namespace forebay::engine
