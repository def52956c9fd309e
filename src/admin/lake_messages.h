// What the administration says about lakes, in JSON: the bodies of requests and answers below
// /v1/lakes, for the server that serves them and the command that reads them.
//
// Pure functions, thread safe. Readers ignore fields that they do not know and answer kInvalidInput
// for text that is no JSON or lacks what is needed. Byte counts are bytes, times are RFC 3339,
// ages are whole seconds. docs/openapi.json describes each of them. No secret is ever in one: a
// credential is named by where it is kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::admin {

// Which container: "ACCOUNT/CONTAINER", or CONTAINER alone where one account has it.
struct ContainerRequest {
  std::string container = {};
  friend bool operator==(const ContainerRequest&, const ContainerRequest&) = default;
};
std::string Encode(const ContainerRequest& request);
Result<ContainerRequest> DecodeContainerRequest(std::string_view json);

// POST /v1/lakes/attach. Words as in docs/lakes.md; empty ones mean the default.
struct AttachLakeRequest {
  std::string container = {};
  std::string endpoint = {};
  std::string credential = {};
  std::string mode = {};         // read-only, read-write, capacity
  std::string prefix = {};       // of the lake
  std::string ordering = {};     // commit, relaxed
  std::string acknowledge = {};  // local, lake
  std::string conflicts = {};    // keep-both, lake-wins, local-wins
  friend bool operator==(const AttachLakeRequest&, const AttachLakeRequest&) = default;
};
std::string Encode(const AttachLakeRequest& request);
Result<AttachLakeRequest> DecodeAttachLakeRequest(std::string_view json);

// POST /v1/lakes/detach
struct DetachRequest {
  std::string container = {};
  bool drop = false;  // give up what has not travelled: the lake never hears of it
  friend bool operator==(const DetachRequest&, const DetachRequest&) = default;
};
std::string Encode(const DetachRequest& request);
Result<DetachRequest> DecodeDetachRequest(std::string_view json);

// POST /v1/lakes/approve
struct ApproveRequest {
  std::string container = {};
  std::uint64_t deletes = 0;  // so many may travel
  friend bool operator==(const ApproveRequest&, const ApproveRequest&) = default;
};
std::string Encode(const ApproveRequest& request);
Result<ApproveRequest> DecodeApproveRequest(std::string_view json);

struct ImportInfo {
  std::uint64_t names = 0;
  std::uint64_t bytes = 0;
  std::uint64_t names_per_second = 0;  // of this run
  std::uint64_t expected_names = 0;    // about so many in all; 0: no telling
  bool finished = false;
  friend bool operator==(const ImportInfo&, const ImportInfo&) = default;
};

// Requests and bytes by cause, since this process opened the lake.
struct TrafficInfo {
  std::string cause = {};  // read_through, prefetch, offload, import, rehydrate, reconcile, admin
  std::uint64_t requests = 0;
  std::uint64_t bytes_down = 0;
  std::uint64_t bytes_up = 0;
  friend bool operator==(const TrafficInfo&, const TrafficInfo&) = default;
};

// What has not travelled to the lake yet.
struct BacklogInfo {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t oldest_seconds = 0;
  std::uint64_t blocked = 0;  // of them, that the lake refuses
  std::string blocked_name = {};
  std::string paused = {};       // why nothing goes up; empty while it does
  std::string writes_held = {};  // why writes are refused for now; empty while they are taken
  friend bool operator==(const BacklogInfo&, const BacklogInfo&) = default;
};

// What a container that is ours has in the lake that is room for its bodies (mode capacity).
struct OverflowInfo {
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t to_delete = 0;  // objects there that nothing needs any more
  std::uint64_t stuck = 0;      // of them, that the lake did not let go when it was asked last
  std::uint64_t sent_bodies = 0, sent_bytes = 0;  // since the server opened the container
  std::uint64_t failures = 0;                     // bodies that did not go, since then
  std::string writes_held = {};  // why writes are refused for now; empty while they are taken
  friend bool operator==(const OverflowInfo&, const OverflowInfo&) = default;
};

struct LinkInfo {
  // up; failing: the last request found nobody, and it is not given up yet; down; probing: somebody
  // tries whether it is back
  std::string state = {};
  std::uint64_t down_seconds = 0;         // for so long
  std::uint64_t retry_after_seconds = 0;  // until the lake is asked again
  friend bool operator==(const LinkInfo&, const LinkInfo&) = default;
};

struct ResidencyInfo {
  std::uint64_t resident_bytes = 0;
  std::uint64_t total_bytes = 0;   // of the names that are known by now
  std::uint64_t pinned_bytes = 0;  // of those here
  std::uint64_t age_seconds = 0;   // when it was counted
  friend bool operator==(const ResidencyInfo&, const ResidencyInfo&) = default;
};

// The answer of POST /v1/lakes/verify: what the records say lies in a lake that is room, against
// what the lake has.
struct DamageInfo {
  std::string name = {};    // the blob
  std::string object = {};  // with its bytes
  std::string what = {};    // "is missing"
  friend bool operator==(const DamageInfo&, const DamageInfo&) = default;
};
struct VerifyInfo {
  std::uint64_t blobs = 0;  // whose bytes lie there
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
  std::vector<DamageInfo> damage = {};  // the first of them
  std::uint64_t objects = 0;            // there
  std::uint64_t to_delete = 0;          // of them, known to be
  std::uint64_t unowned = 0;  // of them, that nobody names; found and deleted within a day
  std::uint64_t foreign = 0;  // that are none of ours
  friend bool operator==(const VerifyInfo&, const VerifyInfo&) = default;
};
std::string Encode(const VerifyInfo& verified);
Result<VerifyInfo> DecodeVerify(std::string_view json);

// One attached container: an element of GET /v1/lakes, and the answer of attach.
struct LakeInfo {
  std::string account = {};
  std::string container = {};
  std::string lake = {};        // where it is
  std::string credential = {};  // where its secret is kept
  std::string mode = {}, ordering = {}, acknowledge = {}, conflicts = {};
  std::string attached = {};  // when
  bool hierarchical = false;
  bool created = false;  // attach made the container
  ImportInfo import = {};
  std::string problem = {};  // what is wrong, and what to do; empty when all goes well
  std::optional<LinkInfo> link = {};
  std::optional<BacklogInfo> backlog = {};
  std::optional<OverflowInfo> overflow = {};
  std::optional<ResidencyInfo> residency = {};
  std::vector<TrafficInfo> traffic = {};
  std::uint64_t failures = 0;  // tries that failed
  std::uint64_t retries = 0;
  friend bool operator==(const LakeInfo&, const LakeInfo&) = default;
};
std::string Encode(const LakeInfo& lake);
Result<LakeInfo> DecodeLake(std::string_view json);
std::string Encode(const std::vector<LakeInfo>& lakes);
Result<std::vector<LakeInfo>> DecodeLakes(std::string_view json);

}  // namespace forebay::admin
