// A large source elsewhere, copied as blocks of the blob into which the copy is pending: what has
// arrived survives a source that breaks off, and no single body has to hold it all.
//
// The parts are staged under the copy's id, so that no client's block can come between, and the
// list that ends the copy commits only while that copy is still the one that is pending. One call a
// copy at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "meta/records.h"
#include "rest/blob/pending_copy.h"
#include "rest/blob/source_fetcher.h"

namespace forebay::rest {

// How far a copy has come; kept by the caller from one attempt to the next.
struct CopyParts {
  std::uint64_t part_bytes = 0;  // of every part but the last
  std::uint64_t total = 0;
  std::uint64_t staged = 0;  // parts
};

// The parts of `total` bytes: at least `least` bytes each, at most 50,000 of them.
CopyParts DivideCopy(std::uint64_t total, std::uint64_t least);

// How many parts, from the first on, an earlier process has staged for the copy that is pending at
// `target`. They are durable, and nobody else may stage there: what a crash interrupted goes on
// behind them. Parts of other sizes do not count (the configured size has changed).
Task<std::uint64_t> CountStagedParts(engine::Services& services, OpContext context,
                                     engine::BlobTarget target, CopyParts parts);

// Fetches and stages what is missing, then commits. `pending` is the record of the destination.
// `fetched` tells how many bytes are there. Errors: those of the fetcher, of engine::PutBlock and
// engine::PutBlockList; after one of them the same call goes on where this one ended, or begins
// again where the source cannot be asked for its rest.
Task<> CopyAsParts(engine::Services& services, SourceFetcher& fetcher, OpContext context,
                   const PendingCopy& copy, const meta::BlobRecord& pending, CopyParts& parts,
                   std::atomic<std::uint64_t>& fetched);

}  // namespace forebay::rest
