// A lease on a background job: of several processes on one store, one does the job, and one that
// lost its lease without noticing cannot write any more (the fencing token is checked inside its
// transactions).
//
// Pure record keeping; who holds a lease renews it well before it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/strong.h"
#include "kv/store.h"

namespace forebay::meta {

using FencingToken = StrongId<struct FencingTokenTag>;

// Takes the lease on `job` for `owner` (any number that differs between processes), or renews it:
// the same owner keeps its token, a new one gets a larger one. kLocked while another owner's lease
// runs. The transaction, and all that is in it, goes on where the disk is full: it says MakesRoom,
// as giving a lease back does.
Result<FencingToken> AcquireLease(kv::Transaction& txn, std::string_view job, std::uint64_t owner,
                                  WallTime now, std::chrono::nanoseconds duration);
// kLocked when `token` is not the lease's any more. In every transaction of the job.
Result<> CheckLease(const kv::Reader& reader, std::string_view job, FencingToken token);
// Gives `owner`'s lease back: the next one need not wait for its end. Nothing happens where another
// has it.
Result<> ReleaseLease(kv::Transaction& txn, std::string_view job, std::uint64_t owner);
// Ends the leases of processes that are gone. Only for who has the store alone, at its start: a
// server that was killed goes on at once, instead of waiting for itself. Blocks.
Result<> EndLeases(kv::Store& store);

}  // namespace forebay::meta
