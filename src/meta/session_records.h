// The durable records of mounts' sessions and of locks. Format: docs/formats/node-records.md.
//
// Value types. Decoders answer kCorruption for what they cannot read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::meta {

struct SessionRecord {
  std::uint32_t seconds = 60;  // how long the lease runs from each renewal
  WallTime opened;
  WallTime ends;
  std::string owner;  // who says to be it
};

enum class LockFamily : std::uint8_t { kPosix = 0, kFlock = 1 };
struct FileLock {
  std::uint64_t session = 0;
  std::uint64_t owner = 0;  // within the session
  LockFamily family = LockFamily::kPosix;
  bool exclusive = false;
  std::uint64_t start = 0;
  std::uint64_t end = UINT64_MAX;  // behind the last byte
  std::uint32_t pid = 0;

  bool SameOwner(const FileLock& other) const {
    return session == other.session && owner == other.owner && family == other.family;
  }
  friend bool operator==(const FileLock&, const FileLock&) = default;
};

std::string Encode(const SessionRecord& record);
Result<SessionRecord> DecodeSession(std::string_view in);
std::string EncodeLocks(const std::vector<FileLock>& locks);
Result<std::vector<FileLock>> DecodeLocks(std::string_view in);

}  // namespace forebay::meta
