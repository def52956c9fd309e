// Where the bytes of a blob are, derived from its record and one counter; never stored (ADR 0085).
//
// Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "kv/store.h"
#include "meta/records.h"

namespace forebay::engine {

enum class Residency : std::uint8_t {
  kLocal,    // only here (an empty blob too)
  kBoth,     // all of it is here, and the lake has the same
  kLake,     // only in the lake
  kPartial,  // in the lake, and some of it here
};
std::string_view ResidencyName(Residency residency);  // "local"

struct Resident {
  Residency residency = Residency::kLocal;
  std::uint64_t bytes = 0;  // here
};
// Costs a look at a counter for bodies that the lake holds, nothing for others.
Result<Resident> ResidentOf(const kv::Reader& reader, const meta::BlobRecord& record);

// Whether the lake is known to hold these bytes under this name, with nothing of the blob still to
// travel there:
// what may be given up here.
bool LakeHolds(const meta::BlobRecord& record);

}  // namespace forebay::engine
