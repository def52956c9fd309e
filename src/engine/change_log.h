// What changed in a container whose changes travel to a lake, noted in the transaction that changes
// it. Format: docs/formats/tier-records.md; who reads it: tier/.
//
// Inside a transaction. Containers without a lake pay for a look at their record.
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
// `mark`: ArrivalMark.
Result<> NoteChange(Services& services, kv::Transaction& txn, const Place& place,
                    meta::ChangeKind kind, std::uint64_t mark, meta::BlobRecord& record);

// The blob of the place is about to be erased: leaves a tombstone.
Result<> NoteDelete(Services& services, kv::Transaction& txn, const Place& place,
                    std::uint64_t mark, WallTime now);

}  // namespace forebay::engine
