// What an administrator decides about where bytes are, for the admin API and the command line:
// pins, prefetch jobs, eviction and hydration by command, and what is where.
//
// Names are given as patterns (tier/glob.h); a plain name is the pattern of itself, and one that
// ends with '/' means all below it. Containers must be attached to a lake, else kResourceNotFound;
// kContainerNotFound where there is none. Pins and jobs are records: they outlive the process, and
// go with a detach.
//
// Thread safe; every task runs on the caller's executor. What goes on after a call has answered
// (jobs) runs on the tier's own threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/residency.h"
#include "engine/target.h"
#include "meta/placement_records.h"
#include "tier/evict_options.h"

namespace forebay::tier {

class PlacementParts;

using PinStatus = meta::PinEntry;  // pattern, since, hydrate

// A prefetch or hydrate job. `record` is what is stored: pattern, state, and counts, which go on
// over restarts.
struct PrefetchStatus {
  std::string account;
  std::string container;
  meta::PrefetchRecord record;
  bool running_here = false;  // in this process, at the moment
  // All that matches, what is done of it included; 0: not counted, or no longer of interest.
  std::uint64_t expected_names = 0, expected_bytes = 0;
  std::string waits_for;  // why it makes no progress just now; empty when it does
};
std::string_view PrefetchStateName(meta::PrefetchState state);  // "running"

// What one eviction by command did with the names that matched.
struct EvictAnswer {
  std::uint64_t names = 0;          // that matched, directories and empty blobs left out
  std::uint64_t evicted = 0;        // of them: no byte is here any more
  std::uint64_t evicted_bytes = 0;  // readers under way may still hold them for a while
  std::uint64_t absent = 0;         // nothing of it was here
  std::uint64_t pinned = 0;         // left alone
  std::uint64_t unsent = 0;         // left alone: the lake does not have all of it yet
};

struct HydrateAnswer {
  std::uint64_t bytes = 0;    // of the blob, all of it here now
  std::uint64_t fetched = 0;  // of them, just now
};

struct NameResidency {
  engine::Resident resident;
  std::uint64_t length = 0;
  bool pinned = false;
  std::string pinned_by;  // the pattern
};

// `tier status` of a container: names are counted by walking them, so it costs what a listing does.
struct ContainerResidency {
  std::uint64_t names = 0;
  std::uint64_t bytes = 0;                                   // of all blobs
  std::uint64_t resident_bytes = 0;                          // of them here
  std::uint64_t local = 0, both = 0, lake = 0, partial = 0;  // names
  std::uint64_t pinned = 0;                                  // names
  std::uint64_t pinned_bytes = 0;                            // of them here
};

class Placement {
 public:
  // By the tier; `parts` outlives it.
  explicit Placement(PlacementParts& parts) : parts_(parts) {}

  // --- Pins: what matches is never evicted, from the answer on. kInvalidInput for a bad pattern,
  // kLimitExceeded above meta::kMaxPins; pinning a pattern again changes only `hydrate`. With
  // `hydrate` a prefetch job of the pattern begins, and its id is the answer; else 0.
  Task<std::uint64_t> Pin(OpContext context, engine::ContainerTarget target, std::string pattern,
                          bool hydrate);
  // kResourceNotFound when the pattern is not pinned.
  Task<> Unpin(OpContext context, engine::ContainerTarget target, std::string pattern);
  Task<std::vector<PinStatus>> Pins(OpContext context, engine::ContainerTarget target);

  // --- Prefetch: fetches whole what matches, in the order of names, and keeps it in place of what
  // is used least. Answers the job's id at once. kInvalidInput, kLimitExceeded (64 unfinished jobs
  // a container).
  Task<std::uint64_t> StartPrefetch(OpContext context, engine::ContainerTarget target,
                                    std::string pattern);
  // Newest first; the last 100 that are finished are remembered.
  Task<std::vector<PrefetchStatus>> Prefetches(OpContext context, engine::ContainerTarget target);
  // kResourceNotFound.
  Task<PrefetchStatus> Prefetch(OpContext context, engine::ContainerTarget target,
                                std::uint64_t id);
  // Nothing happens to one that is finished.
  Task<> CancelPrefetch(OpContext context, engine::ContainerTarget target, std::uint64_t id);

  // --- One blob, all of it, now: waits until it is here. kBlobNotFound, kBlobArchived, kNoSpace,
  // the lake's errors.
  Task<HydrateAnswer> Hydrate(OpContext context, engine::BlobTarget target);

  // --- Gives up what is here of all that matches, where the lake has it and no pin says otherwise.
  Task<EvictAnswer> EvictNow(OpContext context, engine::ContainerTarget target,
                             std::string pattern);

  // --- What is where. kBlobNotFound.
  Task<NameResidency> ResidencyOf(OpContext context, engine::BlobTarget target);
  Task<ContainerResidency> Summary(OpContext context, engine::ContainerTarget target);
  // Of the node.
  CacheStatus Cache() const;

 private:
  PlacementParts& parts_;
};

}  // namespace forebay::tier
