// The bytes of a body on their way up: read into bounded memory, and cut into blocks whose ids say
// what they hold.
//
// Any thread. A body that the change log holds stays as it is while it is read here, whatever
// happens to the blob. Errors: kCorruption, kIo, kVolumeFailed (bytes here that cannot be read).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "async/context.h"
#include "async/semaphore.h"
#include "engine/services.h"
#include "lake/content.h"
#include "lake/types.h"
#include "meta/extent.h"

namespace forebay::tier {

struct BodyRange {
  meta::BodyRef body;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The whole range in memory, as content that can be sent again and again. Waits for its share of
// `budget` (units: bytes), which it gives back with its last user. A range that is larger than the
// budget takes all of it.
Task<std::shared_ptr<lake::Content>> ReadRange(engine::Services& services, OpContext context,
                                               Semaphore& budget, std::size_t budget_bytes,
                                               BodyRange range);

// The same for a range of any length, read as it is sent, `piece` bytes at a time. The services and
// the budget outlive it.
std::shared_ptr<lake::Content> StreamRange(engine::Services& services, OpContext context,
                                           Semaphore& budget, std::size_t budget_bytes,
                                           BodyRange range, std::uint64_t piece);

struct UploadBlock {
  lake::BlockId id;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Cuts a body into blocks of at least `block_bytes` (but the last), at most 50,000, at the borders
// of its extents. A block's id is a digest of its extents and of the checksums of their chunks: the
// same bytes get the same id in a later attempt, after a restart, and in a later version of the
// blob that shares them; other bytes never do, not even those of another Forebay.
Task<std::vector<UploadBlock>> CutBody(engine::Services& services, OpContext context,
                                       meta::BodyRef body, std::uint64_t length,
                                       std::uint64_t block_bytes);

}  // namespace forebay::tier
