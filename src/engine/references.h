// Who holds which bytes: sharing and releasing of bodies and chunks, inside a transaction.
//
// References are keys, and exist only for what is shared: a body or chunk without a reference
// record has exactly one holder. The first sharing writes a record for both holders; releasing
// erases one's own and frees the bytes when no other is left. All calls are idempotent (their
// transaction may run again). Rule and proof: docs/formats/meta-keys.md, "References".
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "chunk/chunk_store.h"
#include "kv/store.h"
#include "meta/extent.h"
#include "meta/garbage.h"
#include "meta/records.h"

namespace forebay::engine {

// `to` holds the body of `from` too.
void ShareBody(kv::Transaction& txn, meta::BodyId body, meta::BlobId from, meta::BlobId to);

// The blob of this record no longer names its body: frees it, leaves it to other holders, or
// (pages) writes a garbage record.
Result<> ReleaseBody(chunk::ChunkStore& chunks, kv::Transaction& txn,
                     const meta::BlobRecord& record, WallTime now);

// `to` holds the bytes of these extents, which `from` holds.
void ShareExtents(kv::Transaction& txn, const std::vector<meta::Extent>& extents, meta::BodyId from,
                  meta::BodyId to);

// `holder` (0: the only one) gives up the extents. At most a few hundred a transaction.
Result<> ReleaseExtents(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::BodyId holder,
                        const std::vector<meta::Extent>& extents);

// `holder` gives up the extents that it holds by a reference of its own. The others it only names:
// they are somebody else's, and stay as they are.
Result<> ReleaseReferences(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::BodyId holder,
                           const std::vector<meta::Extent>& extents);

// A blob's uncommitted blocks are no longer wanted: erases the staging record and leaves the blocks
// to the sweeper. Nothing happens when there is none.
Result<> DropStaging(kv::Transaction& txn, meta::ContainerId container, std::string_view name,
                     WallTime now);

// Of the staging record under `key`, whatever it is for (keys::Staging, Appends, Pieces).
Result<> DropGeneration(kv::Transaction& txn, std::string_view key, WallTime now);

// The same for what was appended to a file and not flushed (keys::Appends).
Result<> DropAppends(kv::Transaction& txn, meta::BlobId file, WallTime now);

}  // namespace forebay::engine
