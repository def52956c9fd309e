// Walks the names of an attached container by the page, with what is here of each: how eviction
// learns after a restart what is resident, and finds local bodies that the lake holds by now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "async/task.h"
#include "engine/residency.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/eviction_entry.h"
#include "tier/eviction_policy.h"

namespace forebay::tier {

struct WalkedPiece {
  EvictionKey key;
  std::uint32_t bytes = 0;
  EvictionHint hint = 0;
};
struct WalkedName {
  std::string name;
  meta::BlobRecord record;  // never a directory
  engine::Resident resident;
  bool home_missing = false;  // bytes are here, and their body does not know whose they are
};
struct WalkPage {
  bool hierarchical = false;
  std::vector<WalkedName> names;
  std::vector<WalkedPiece> pieces;  // of lake-held bodies, where they were asked for
  std::string next;                 // first name of the next page; empty at the end
};

struct WalkRequest {
  AttachmentPtr attachment;
  std::string prefix;
  std::string start;  // empty: from the first
  std::size_t max_names = 200;
  bool pieces = false;
};
// Runs on the pool. kStale when the container was detached.
Task<WalkPage> Walk(engine::Services& services, WalkRequest request);

// The body's home is where this record is, unless the record has moved on.
Task<> WriteHome(engine::Services& services, AttachmentPtr attachment, std::string name,
                 meta::BodyId body);

}  // namespace forebay::tier
