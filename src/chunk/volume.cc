#include "chunk/volume.h"

#include <cstdio>

#include "base/log.h"

namespace forebay::chunk {

std::string_view VolumeStateName(VolumeState state) {
  switch (state) {
    case VolumeState::kActive:
      return "active";
    case VolumeState::kDraining:
      return "draining";
    case VolumeState::kFailed:
      return "failed";
    case VolumeState::kMissing:
      return "missing";
    case VolumeState::kLost:
      return "lost";
  }
  return "unknown";
}

std::string Volume::SegmentPath(SegmentId id) const {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%016llx.seg",
                static_cast<unsigned long long>(id.value()));
  return SegmentsPath() + name.data();
}

void Volume::MarkFailed(const Error& cause) {
  std::lock_guard lock(mutex_);
  if (state() == VolumeState::kFailed) return;
  failure_ = cause.message();
  SetState(VolumeState::kFailed);
  Log(LogLevel::kError, "volume failed",
      {{"volume", uuid_}, {"path", path_}, {"error", cause.ToString()}});
}

std::string Volume::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

Result<> Volume::CheckReadable() const {
  VolumeState now = state();
  if (now == VolumeState::kActive || now == VolumeState::kDraining) return {};
  return Fail(Code::kVolumeFailed, "volume " + uuid_ + " (" + path_ + ") is " +
                                       std::string(VolumeStateName(now)) + ": " + failure());
}

Result<bool> Volume::HasRoom(std::uint64_t bytes, std::uint64_t reserve) const {
  FB_ASSIGN_OR_RETURN(io::SpaceInfo space, fs_.Space(path_));
  return space.available_bytes >= reserve + bytes + in_flight_bytes_.load();
}

}  // namespace forebay::chunk
