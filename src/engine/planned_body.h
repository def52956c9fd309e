// A body put together of bytes that are stored already (staged blocks, what was appended, another
// body's extents): worked out on a snapshot, laid out, and made real by one transaction. What does
// not fit into that transaction is written ahead, invisible (engine/prepare.h).
//
// Shared by Put Block List and Flush Path. Order of use: a plan → LayOut → PrepareAhead where
// `prepared` says so → VerifyPlan and Adopt in the final transaction; Abandon when that failed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/context.h"
#include "engine/block_list_plan.h"
#include "engine/services.h"
#include "meta/records.h"

namespace forebay::engine {

struct PlannedBody {
  BlockListPlan plan;
  meta::BodyId body;          // also carries the preparation of an empty one
  meta::BodyId release_list;  // 0: nothing is dropped
  std::vector<std::pair<std::string, std::string>> records;  // pages, references, release pages
  std::vector<std::string> forget;  // staged-block records erased in the final transaction
  bool prepared = false;
};

// Takes ids, describes the body in `record` (length, body), and collects what it needs besides.
Result<> LayOut(Services& services, PlannedBody& planned, meta::BlobRecord& record);

// Writes ahead; takes the records (there may be millions: no second copy). `check` runs in each
// transaction first.
Task<> PrepareAhead(Services& services, OpContext context, std::shared_ptr<PlannedBody> planned,
                    WallTime now, std::function<Result<>(kv::Transaction&)> check);
Task<> Abandon(Services& services, std::shared_ptr<const PlannedBody> planned);

// In the final transaction: the body is real, the staging that it came from is gone.
Result<> Adopt(kv::Transaction& txn, const PlannedBody& planned, WallTime now);

}  // namespace forebay::engine
