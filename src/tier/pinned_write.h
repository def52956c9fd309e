// What every write of the offload has in common: it is pinned to what the lake was last known to
// have, and where that does not hold, or no answer came, the lake is looked at before anything is
// concluded. Pure.
#pragma once

#include <string>

#include "base/error.h"
#include "lake/failure.h"
#include "lake/types.h"

namespace forebay::tier {

// How often one attempt writes anew after having looked what became of the last write.
inline constexpr int kWriteTries = 5;

// The lake still has that; empty: nothing.
inline lake::LakeConditions Expecting(const std::string& etag) {
  lake::LakeConditions conditions;
  if (etag.empty()) {
    conditions.absent = true;
  } else {
    conditions.match = lake::ETag(etag);
  }
  return conditions;
}

// The outcome of a write is open, or its condition did not hold.
inline bool MustLook(const Error& error) {
  const lake::Failure failure = lake::Classify(error);
  return failure == lake::Failure::kUnknownOutcome || failure == lake::Failure::kPrecondition ||
         failure == lake::Failure::kNotFound;
}

// After so many tries.
inline Error KeepsChanging() {
  return Error(Code::kServerBusy, "The lake's blob keeps changing while it is written.");
}

}  // namespace forebay::tier
