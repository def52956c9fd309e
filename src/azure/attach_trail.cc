#include "azure/attach_trail.h"

#include "azure/wire.h"

namespace forebay::azure {
namespace {

constexpr std::size_t kMaxToken = 64;

}  // namespace

std::string FormatAttachTrail(const AttachTrail& trail) {
  return trail.token + ";" + std::to_string(trail.steps);
}

std::optional<AttachTrail> ParseAttachTrail(std::string_view text) {
  const std::size_t end = text.find(';');
  if (end == 0 || end > kMaxToken) return std::nullopt;
  const auto steps = ParseUint(text.substr(end + 1));
  if (!steps || *steps > kMaxTrailSteps) return std::nullopt;
  return AttachTrail{.token = std::string(text.substr(0, end)),
                     .steps = static_cast<unsigned>(*steps)};
}

}  // namespace forebay::azure
