// What a lake has of a directory that was deleted here with all that was in it.
//
// Deleting takes a few keys whatever a directory holds, so what its records say of the lake's blobs
// has to be gone through behind it, before the sweeper takes them away: a delete that travels may
// take from the lake what was known here, and nothing else. Each name gets a note of its own
// (keys::GoneName), with the ETag of what the lake has under it, until the delete has travelled.
//
// Inside a transaction, in bounded steps that may be interrupted and repeated: the sweeper takes
// them, and whoever needs the notes earlier.
#pragma once

#include "base/result.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::engine {

// Notes some of what is in the directory; the directories in it become such directories. True once
// nothing is left to be noted, which it always is of a directory that no lake is told of.
Result<bool> NoteDetachedStep(kv::Transaction& txn, meta::ContainerId container,
                              meta::InodeId inode);

}  // namespace forebay::engine
