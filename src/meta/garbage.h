// What is to be given back later: too large for the transaction that made it garbage, or not
// garbage yet.
//
// A `g` record names the work; the sweeper (engine/sweeper.h) does it in small transactions and
// erases the record last. Value types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "meta/extent.h"
#include "meta/ids.h"

namespace forebay::meta {

enum class GarbageKind : std::uint8_t {
  kBody = 1,           // release the extents and block list of the body of this id
  kPreparing = 2,      // a commit under way erases the record itself; once it is old: kBody
  kForgetStaged = 3,   // erase the staged-block records of this generation: a body took their bytes
  kStaging = 4,        // release the staged blocks of this generation
  kReleaseList = 5,    // release what the pages of this list name
  kPreparingList = 6,  // a commit under way; once it is old: kForgetList
  kPreparingShared = 7,  // a commit under way; once it is old: kForgetShared
  // A Put Block List that came to nothing. Its bytes are those of staged blocks and of another
  // body, so only references of its own are given up, never what it merely names.
  kForgetShared = 8,
  kForgetList = 9  // of such a commit: erase the pages of this list, release nothing
};

// True for what a commit under way still needs; what it becomes when that came to nothing.
bool IsPreparing(GarbageKind kind);
GarbageKind AbandonedKind(GarbageKind kind);

struct GarbageRecord {
  GarbageKind kind = GarbageKind::kBody;
  WallTime since;
  std::vector<Extent> direct;  // of a body that has no pages
};

// One entry of a release list: a dropped staged block. `holder` 0: the bytes' only holder.
struct ReleaseEntry {
  BodyId holder;
  std::vector<Extent> extents;
};

std::string Encode(const GarbageRecord& record);
Result<GarbageRecord> DecodeGarbage(std::string_view in);
std::string EncodeReleasePage(const std::vector<ReleaseEntry>& entries);
Result<std::vector<ReleaseEntry>> DecodeReleasePage(std::string_view in);

}  // namespace forebay::meta
