// The sweeper's work on what mounts leave behind: sessions whose lease has run out, and tokens of
// changes that nobody repeats any more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::engine {

// For how long a repeat of a change is known as one.
inline constexpr std::chrono::minutes kTokenLife{15};

// Keys of sessions that are over and of tokens that are old; at most `most` of each. On a snapshot;
// what cannot be read is passed over, for fsck to find.
struct LeftBehind {
  std::vector<std::string> sessions;
  std::vector<std::string> tokens;
};
Result<LeftBehind> FindLeftBehind(const Services& services, const kv::Reader& reader,
                                  std::size_t most);

// A step as in engine/sweep_steps.h: looks again, and returns true when done.
Result<bool> SweepSessionStep(Services& services, kv::Transaction& txn, std::string_view key);

}  // namespace forebay::engine
