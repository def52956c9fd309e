// The durable records of what is kept here of a lake: whose a body is, what eviction remembers of
// its pieces, what is pinned, and what is being fetched ahead.
//
// Format: docs/formats/tier-records.md. Value types. Decoders answer kCorruption for what they
// cannot read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "meta/ids.h"

namespace forebay::meta {

// Where the record of a body was when it got its first resident bytes: eviction starts from bodies
// and must ask the record. A hint: after a rename nothing is there, or another body.
struct BodyHomeRecord {
  ContainerId container;
  std::string name;  // as the namespace stores it
};

// What eviction remembers of kEvictionHintsPerPage pieces of a body, a byte each (0: nothing).
// Stored up to the last that is not 0.
inline constexpr std::uint32_t kEvictionHintsPerPage = 4096;
struct EvictionHintsRecord {
  std::string hints;
};

// Of a body of a container that is ours, which lies in the lake as an object named by it.
struct LakeObjectRecord {
  ContainerId container;
  std::uint64_t length = 0;
  bool lost = false;  // the lake has lost it, or replaced it; an event says so
};

struct PinEntry {
  std::string pattern;  // tier/glob.h; a plain name is the pattern of itself
  WallTime since;
  bool hydrate = false;  // what matched was fetched whole when it was pinned
};
// All pins of a container.
inline constexpr std::size_t kMaxPins = 256;
struct PinsRecord {
  std::vector<PinEntry> pins;
};

enum class PrefetchState : std::uint8_t {
  kRunning = 1,    // or waiting: for its turn, the lake, another process
  kDone = 2,       // everything that matched and could be fetched is here
  kCancelled = 3,  // by command
  kNoRoom = 4,     // what it fetched fills the room there is; the rest was not fetched
  kFailed = 5,     // it cannot go on (the container was detached)
};
struct PrefetchRecord {
  std::uint64_t id = 0;
  std::string pattern;
  PrefetchState state = PrefetchState::kRunning;
  std::string position;  // first name that is not dealt with
  WallTime created;
  WallTime finished;          // 0: not yet
  std::uint64_t matched = 0;  // names
  std::uint64_t done = 0;     // of them: all of it is here now
  std::uint64_t failed = 0;   // of them: see last_error
  std::uint64_t bytes = 0;    // of those done
  std::uint64_t fetched = 0;  // bytes of them that came from the lake for this job
  std::string last_error;
};

std::string Encode(const BodyHomeRecord& record);
std::string Encode(const LakeObjectRecord& record);
std::string Encode(const EvictionHintsRecord& record);
std::string Encode(const PinsRecord& record);
std::string Encode(const PrefetchRecord& record);
Result<BodyHomeRecord> DecodeBodyHome(std::string_view in);
Result<LakeObjectRecord> DecodeLakeObject(std::string_view in);
Result<EvictionHintsRecord> DecodeEvictionHints(std::string_view in);
Result<PinsRecord> DecodePins(std::string_view in);
Result<PrefetchRecord> DecodePrefetch(std::string_view in);

}  // namespace forebay::meta
