// What changed in a container whose changes travel to a lake, noted in the transaction that changes
// it. Format: docs/formats/tier-records.md; who reads it: tier/offload.
//
// Inside a transaction. Containers without a lake pay for a look at their record.
//
// What the lake has under a name, as far as it is known here, is always in one place: the record of
// that name (its lake copy, unless that one says another name), else the name's note. `unsent`
// there names the newest change of the name that has not travelled; so an entry of the log and the
// names that it touches find each other.
#pragma once

#include <cstdint>
#include <string>

#include "engine/commit.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/lake_records.h"

namespace forebay::engine {

// How many changes the container had when the request arrived: those precede it in the lake, others
// may travel beside it. Taken with the first look at the blob, before any NoteChange of the same
// transaction. 0 where nothing travels.
Result<std::uint64_t> ArrivalMark(const kv::Reader& reader, const meta::ContainerRecord& container);

// `record`, which is about to be put in the place, differs from what is there in `kind`. Carries
// over what is known of the lake's copy, and in containers whose changes travel notes the change.
// A new directory is noted as one. `mark`: ArrivalMark.
Result<> NoteChange(Services& services, kv::Transaction& txn, const Place& place,
                    meta::ChangeKind kind, std::uint64_t mark, meta::BlobRecord& record);

// The blob of the place is about to be erased: leaves a tombstone. A directory of a hierarchical
// container with all that is in it: `tree`; engine/detached_tree.h notes what the lake has of it.
Result<> NoteDelete(Services& services, kv::Transaction& txn, const Place& place,
                    std::uint64_t mark, WallTime now, bool tree = false);

// `record`, which is at `source`, is about to be put at `target` (of the same container), in place
// of what is there, and erased at `source`: leaves a tombstone there, and says in the `record` of a
// file where the lake has its bytes until the move has travelled. Not for what is below a directory
// that moves: that is noted once, for the directory.
Result<> NoteRename(Services& services, kv::Transaction& txn, const Place& source,
                    const Place& target, std::uint64_t mark, WallTime now,
                    meta::BlobRecord& record);

// For changes that left the log with a decision about another name, while what they were about has
// not travelled. `container`, `name` as stored; at the end of the log. `mark`: ArrivalMark, as
// above.
//
// The name has a tombstone: its blob is to be deleted in the lake.
Result<> NoteDeleteAgain(Services& services, kv::Transaction& txn,
                         const meta::ContainerRecord& container, const std::string& name,
                         std::uint64_t mark);
// The bytes of `record`, which is about to be put under the name, are in the lake under another
// one: under `from` once what the log has before this was done. They are to be moved.
Result<> NoteRenameAgain(Services& services, kv::Transaction& txn,
                         const meta::ContainerRecord& container, const std::string& name,
                         const std::string& from, std::uint64_t mark, meta::BlobRecord& record);

}  // namespace forebay::engine
