// What becomes of a file when one of its names goes: it lives on under the others, it is kept
// without a name for whoever holds it, or it is freed with all that hangs on it.
//
// Inside a transaction. The caller erases the name's entry, or writes over it, in the same one.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/records.h"

namespace forebay::engine {

// `record` is what stands at the name (links resolved); of a directory only what hangs on it goes.
Result<> ReleaseName(Services& services, kv::Transaction& txn, meta::ContainerId container,
                     const meta::BlobRecord& record, WallTime now);

// Whether a session of a mount holds the file (dead ones count until the sweeper has been there).
Result<bool> IsHeld(const kv::Reader& reader, meta::ContainerId container, meta::InodeId inode);

// The last hold of a file without a name is gone: frees it. Nothing happens when it has a name,
// is still held, or is gone already.
Result<> FreeIfForgotten(chunk::ChunkStore& chunks, kv::Transaction& txn,
                         meta::ContainerId container, meta::InodeId inode, WallTime now);

// Staged pieces of commits are no longer wanted, whoever staged them.
Result<> DropPieces(kv::Transaction& txn, meta::InodeId file, WallTime now);

}  // namespace forebay::engine
