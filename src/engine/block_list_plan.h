// Put Block List, worked out on a snapshot: which extents the new body has, what is shared with the
// old body, and which staged blocks are dropped. The commit verifies that nothing of it has
// changed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/commit.h"
#include "engine/put_block_list.h"
#include "meta/garbage.h"
#include "meta/records.h"

namespace forebay::engine {

struct BlockListPlan {
  // What it was worked out from.
  std::string staging_key;
  std::optional<meta::StagingRecord> staging;
  std::int64_t staged_count = 0;
  std::int64_t replaced_count = 0;
  meta::BodyId old_body;  // of the committed blob when its blocks are used; else 0
  // The list is valid, and uses committed blocks whose bytes only the lake has: the rest of the
  // plan is nothing to go by until they are here (engine/bring_here.h).
  bool bring_first = false;

  // What is to be.
  std::uint64_t length = 0;
  std::vector<meta::Extent> extents;
  std::vector<meta::CommittedBlock> blocks;
  struct Share {
    meta::BodyId from;
    std::vector<meta::Extent> extents;
  };
  std::vector<Share> shares;  // bytes that another body or block keeps holding
  std::vector<meta::ReleaseEntry>
      dropped;  // staged blocks that the list does not name, and shared ones
  std::vector<std::string> staged_keys;  // all staged-block records of the generation
};

struct PlanBounds {
  std::size_t extents = 0;  // of the new body
  std::size_t staged = 0;   // of all staged blocks, which are dropped when the list names none
};

// Blocks (a scan of the staged blocks). kInvalidBlockList, kBlockListTooLong (beyond the bounds,
// whatever repeats what); kBlobNotFound never: a missing blob has no committed blocks. Adjacent
// runs of one chunk are one extent.
Result<BlockListPlan> PlanBlockList(const kv::Reader& reader, const Place& place,
                                    const std::vector<BlockListEntry>& list, PlanBounds bounds);

// In a transaction: kStale when staging or the old body are not what the plan saw.
Result<> VerifyPlan(const kv::Reader& reader, const Place& place, const BlockListPlan& plan);

}  // namespace forebay::engine
