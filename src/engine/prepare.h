// Bodies too large for one transaction: their records are written ahead, invisible, under a garbage
// record that the final transaction removes. A crash in between leaves only what the sweeper takes,
// and the kind of the record says whether the body's bytes are its own (Put Blob, Put Block) or
// those of staged blocks that live on without it (Put Block List).
//
// The preparing transactions are lazy (no sync of their own): the final one's sync covers them,
// because the store's log keeps their order.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "async/context.h"
#include "engine/body_writer.h"
#include "engine/services.h"
#include "meta/extent.h"
#include "meta/garbage.h"
#include "meta/ids.h"

namespace forebay::engine {

// The page records of a body, in order: key and value. `start` is where the first extent begins.
std::vector<std::pair<std::string, std::string>> ExtentPages(meta::BodyId body,
                                                             const std::vector<meta::Extent>& all,
                                                             std::uint64_t start = 0);
std::vector<std::pair<std::string, std::string>> BlockListPages(
    meta::BodyId body, const std::vector<meta::CommittedBlock>& blocks);

// Fills `record.length` and `record.body` for a body stored whole: direct extents, or pages that
// `PrepareStoredBody` writes.
void Describe(const StoredBody& stored, meta::BodyId id, meta::BlobRecord& record);

// True when the body's chunks do not fit into one transaction with its name.
bool NeedsPreparing(const Services& services, const StoredBody& stored);
// Writes the garbage record `id` (kind kPreparing), the pages, and all chunk links. On an error it
// has abandoned what it wrote.
Task<> PrepareStoredBody(Services& services, OpContext context, meta::BodyId id,
                         std::shared_ptr<const StoredBody> stored);

// The final transaction failed: what was prepared is garbage now, not in a day.
Task<> AbandonPrepared(Services& services, meta::BodyId id);
// In the one transaction of a body that needs no preparing: links its chunks and writes its pages,
// which it has where its extents do not all fit into the record, or where it is to have some.
void LinkWhole(Services& services, kv::Transaction& txn, meta::BodyId id, const StoredBody& stored,
               bool paged = false);

// For what is written ahead besides: kBusy when the sweeper took the preparation meanwhile.
Result<> CheckPreparing(const kv::Reader& reader, meta::BodyId id);
// In the final transaction: the prepared body (or release list) becomes real. kBusy as above.
Result<> AdoptPrepared(kv::Transaction& txn, meta::BodyId id);
// In the final transaction of a staged block: its chunks are named by the block now, not by pages.
Result<> AdoptPreparedChunks(kv::Transaction& txn, meta::BodyId id, const StoredBody& stored);

// Writes `records` in transactions of bounded size; `check` runs in each of them first.
Task<> WriteAhead(Services& services, OpContext context,
                  std::vector<std::pair<std::string, std::string>> records,
                  std::function<Result<>(kv::Transaction&)> check);

}  // namespace forebay::engine
