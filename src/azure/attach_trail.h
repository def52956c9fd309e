// Words of ours beside Azure's: a question that goes along with a request for a container, asked by
// who is about to attach a container to it. Does it, or a lake behind it, lead back to them?
//
//   x-forebay-attach-trail: TOKEN;STEPS      on Get Container Properties and List Blobs
//   x-forebay-leads-back: acct/a -> acct/b   200 without a body; absent where it does not
//
// Servers that do not know it answer as usual. Pure, thread safe, safe on hostile input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forebay::azure {

inline constexpr std::string_view kAttachTrailHeader = "x-forebay-attach-trail";
inline constexpr std::string_view kLeadsBackHeader = "x-forebay-leads-back";
// Instead of a way: a server did not reach the lake that it had to ask.
inline constexpr std::string_view kLeadsWhoKnowsWhere = "unknown";
inline constexpr unsigned kMaxTrailSteps = 16;

struct AttachTrail {
  std::string token{};  // of the attach that asks; nobody else knows it
  unsigned steps = 0;   // lakes that may still be asked, so that every question ends
};

std::string FormatAttachTrail(const AttachTrail& trail);
// nullopt for what is none, or would take more steps than there may be.
std::optional<AttachTrail> ParseAttachTrail(std::string_view text);

}  // namespace forebay::azure
