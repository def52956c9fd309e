// The steps of eviction, each one bounded transaction function that checks all over again what it
// relies on: that the lake is known to hold the bytes, that nothing of the blob is still to travel,
// and that no pin says otherwise.
//
// Split from who decides so that each can be interrupted and tested anywhere. Dropped chunks are
// given back once nobody reads them (chunk/), local bodies once nobody is on them
// (engine/body_pins.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/eviction_entry.h"
#include "tier/pins.h"
#include "tier/runs.h"

namespace forebay::tier {

enum class EvictOutcome : std::uint8_t {
  kDone,     // given up, all of it or a part
  kNothing,  // nothing of it was here
  kPinned,
  kUnsafe,  // the lake is not known to hold it, or something is still to travel
  kLost,    // no record that we know of names the body (replaced, renamed, detached)
};

struct DropStep {
  EvictOutcome outcome = EvictOutcome::kNothing;
  std::uint64_t bytes = 0;
  std::size_t extents = 0;
  bool more = false;                  // not all fitted into this step
  std::vector<EvictionKey> pieces{};  // that lost bytes
};

// Drops the runs of a lake-held body that start within `starts`, some `max_extents` of extents.
Result<DropStep> DropRunsStep(engine::Services& services, kv::Transaction& txn,
                              const Attachments& attachments, PinCache& pins, meta::BodyId body,
                              Span starts, std::size_t max_extents);

// What a local body is to become: one that the lake holds, under another id, so that who reads it
// goes on undisturbed. With `keep_bytes` all of it stays here, as runs.
// Without `sent` the record says that the lake has the body; with it, it lies there as an object of
// ours (engine/lake_objects.h), which the transaction makes the new body's own.
struct SentBody {
  meta::BodyId to;  // names the object, and is the new id
  std::string etag;
  std::uint64_t length = 0;  // of what was sent: a body may grow in its place
};
struct AdoptRequest {
  AttachmentPtr attachment;
  std::string name;
  meta::BodyId body;
  bool keep_bytes = true;
  std::optional<SentBody> sent = {};
};
struct Adopted {
  EvictOutcome outcome = EvictOutcome::kLost;
  meta::BodyId body;  // the new one
  std::uint64_t bytes = 0;
  std::vector<Span> runs{};
};
// In one transaction where it fits, else prepared in several, the last of which decides.
Task<Adopted> Adopt(engine::Services& services, OpContext context, PinCache& pins,
                    AdoptRequest request);

// How a stretch of extents that begins at `start` is cut into runs: whole extents, so that no two
// runs name the same piece of a chunk, at most 4 MiB and 64 of them each.
std::vector<Run> RunsOfExtents(std::uint64_t start, const std::vector<meta::Extent>& extents);

}  // namespace forebay::tier
