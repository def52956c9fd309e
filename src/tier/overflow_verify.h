// Holds what the records say lies in a lake that is room for a container of ours (attach mode
// `capacity`; ADR 0114) against what the lake has, by its listing: for administrators. fsck asks no
// lake; this is its other half.
//
// Changes nothing: what nobody needs there is the keeper's to delete, and what is lost is found
// again by whoever reads it. What differs is looked at once more, since both sides move meanwhile.
// Keeps 16 bytes of memory an object. Errors: kStale (detached), the lake's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/overflow_mover.h"

namespace forebay::tier {

struct OverflowDamage {
  std::string name;    // of the blob
  std::string object;  // in the lake, below the attachment's prefix
  std::string what;    // for people: "is missing", "has 5 bytes instead of 9"
};
struct OverflowReport {
  std::uint64_t blobs = 0;  // whose bytes are the lake's; each name of one counts
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
  std::vector<OverflowDamage> damage{};  // the first of those
  std::uint64_t objects = 0;             // there, with names of ours
  std::uint64_t to_delete = 0;           // of them: known to be, and not gone yet
  std::uint64_t unowned = 0;             // of them: nobody's; the keeper finds them within a day
  std::uint64_t foreign = 0;             // objects there with names that are none of ours
};

struct VerifyOptions {
  std::size_t most_damage = 100;
  std::uint32_t names_per_page = 5000;
};
Task<OverflowReport> VerifyOverflow(engine::Services& services, OpContext context,
                                    const OverflowMover& mover, AttachmentPtr attachment,
                                    VerifyOptions options = {});

}  // namespace forebay::tier
