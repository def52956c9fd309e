// Whether two blobs of a lake hold the same bytes, where no checksum says so: read and compared,
// some at a time. Costs both of them, so it is for outcomes that nothing else tells.
//
// Functions; any thread, on the caller's executor. kConditionNotMet: one of them is not what it
// was; kBlobNotFound.
#pragma once

#include <cstdint>
#include <string>

#include "lake/object_lake.h"

namespace forebay::tier {

// Bytes of the lake are bound to the ETag that they are read under.
struct LakeBytes {
  lake::BlobName name;
  lake::ETag etag;
};

// At most some megabytes.
Task<std::string> ReadLakeRange(lake::ObjectLake& lake, lake::LakeCall call, LakeBytes from,
                                std::uint64_t offset, std::uint64_t length);
// Both are `length` bytes long. `call` has so much time for each range as is left of its deadline
// now, whatever the whole takes.
Task<bool> SameBytes(lake::ObjectLake& lake, lake::LakeCall call, LakeBytes a, LakeBytes b,
                     std::uint64_t length);

}  // namespace forebay::tier
