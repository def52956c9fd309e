#include "engine/disk_room.h"

#include <algorithm>

namespace forebay::engine {

Result<> DiskRoom::Check(Growth growth) const {
  FB_ASSIGN_OR_RETURN(const io::SpaceInfo space, fs_.Space(path_));
  const std::uint64_t least = growth == Growth::kBytes ? reserve_bytes_ : reserve_bytes_ / 2;
  if (space.available_bytes >= least + buffered_()) return {};
  return Fail(Code::kNoSpace, "The disk of the metadata is full up to its reserve.");
}

Result<DiskRoom::DiskSpace> DiskRoom::Space() const {
  FB_ASSIGN_OR_RETURN(const io::SpaceInfo space, fs_.Space(path_));
  const std::uint64_t kept = std::min(reserve_bytes_ + buffered_(), space.available_bytes);
  return DiskSpace{space.total_bytes, space.available_bytes - kept};
}

}  // namespace forebay::engine
