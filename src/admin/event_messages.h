// What the administration says about events and conflicts of lakes, in JSON;
// rules as in admin/lake_messages.h.
//
// Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::admin {

// An element of GET /v1/lakes/events: a decision about somebody's bytes, or
// that a lake is in trouble.
struct EventInfo {
  std::uint64_t cursor = 0;  // list on with after=…
  std::string kind = {};     // conflict, lake_changed, …
  bool warning = false;      // somebody should look at it
  std::string at = {};
  std::string name = {};   // of the blob; empty: of the container
  std::string other = {};  // another name that it is about
  std::string etag_before = {};
  std::string etag_now = {};
  std::string text = {};
  friend bool operator==(const EventInfo&, const EventInfo&) = default;
};
struct EventPageInfo {
  std::vector<EventInfo> events = {};
  bool more = false;
  friend bool operator==(const EventPageInfo&, const EventPageInfo&) = default;
};
std::string Encode(const EventPageInfo& page);
Result<EventPageInfo> DecodeEventPage(std::string_view json);

// An element of GET /v1/lakes/conflicts.
struct ConflictInfo {
  std::uint64_t id = 0;
  std::string kind = {};     // both_changed, deleted_there, deleted_here, name_taken
  std::string outcome = {};  // kept_both, lake_won, local_won, restored, open
  std::string name = {};
  std::string kept_as = {};  // where ours is
  std::string at = {};
  std::string etag_before = {};
  std::string etag_now = {};
  std::uint64_t length_here = 0;
  std::uint64_t length_there = 0;
  std::string modified_here = {};
  std::string modified_there = {};
  friend bool operator==(const ConflictInfo&, const ConflictInfo&) = default;
};
struct ConflictPageInfo {
  std::vector<ConflictInfo> conflicts = {};
  bool more = false;
  friend bool operator==(const ConflictPageInfo&, const ConflictPageInfo&) = default;
};
std::string Encode(const ConflictPageInfo& page);
Result<ConflictPageInfo> DecodeConflictPage(std::string_view json);

// POST /v1/lakes/conflicts/resolve; also its answer.
struct ConflictRequest {
  std::string container = {};
  std::uint64_t id = 0;
  std::string keep = {};  // ours, theirs; empty: off the list, as it is
  friend bool operator==(const ConflictRequest&, const ConflictRequest&) = default;
};
std::string Encode(const ConflictRequest& request);
Result<ConflictRequest> DecodeConflictRequest(std::string_view json);

// The answer of POST /v1/lakes/check.
struct CheckInfo {
  std::string finished = {};
  std::uint64_t names = 0;
  std::uint64_t changed = 0;  // and new
  std::uint64_t deleted = 0;
  std::uint64_t conflicts = 0;
  friend bool operator==(const CheckInfo&, const CheckInfo&) = default;
};
std::string Encode(const CheckInfo& check);
Result<CheckInfo> DecodeCheck(std::string_view json);

// The answer of POST /v1/lakes/azure-events, handshakes apart.
struct LookedAtInfo {
  std::uint64_t names = 0;    // looked at again
  std::uint64_t skipped = 0;  // events that are not about blobs
};
std::string Encode(const LookedAtInfo& looked);

}  // namespace forebay::admin
