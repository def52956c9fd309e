// What the administration says about where bytes are, in JSON: pins, prefetch jobs, eviction and
// hydration by command, residency. The bodies below /v1/tier and /v1/prefetch; rules as in
// admin/lake_messages.h.
//
// Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::admin {

// A container and a pattern of names in it (tier/glob.h): POST /v1/tier/pin, unpin, evict, hydrate,
// and POST /v1/prefetch.
struct PatternRequest {
  std::string container = {};
  std::string pattern = {};
  bool hydrate = false;  // pin: fetch what matches, too
  friend bool operator==(const PatternRequest&, const PatternRequest&) = default;
};
std::string Encode(const PatternRequest& request);
Result<PatternRequest> DecodePatternRequest(std::string_view json);

// POST /v1/prefetch/cancel
struct JobRequest {
  std::string container = {};
  std::uint64_t id = 0;
  friend bool operator==(const JobRequest&, const JobRequest&) = default;
};
std::string Encode(const JobRequest& request);
Result<JobRequest> DecodeJobRequest(std::string_view json);

// A prefetch job: the answer of POST /v1/prefetch and of cancel, an element of GET /v1/prefetch.
struct PrefetchInfo {
  std::string account = {};
  std::string container = {};
  std::uint64_t id = 0;
  std::string pattern = {};
  std::string state = {};  // running, done, cancelled, no_room, failed
  std::string waits_for = {};
  std::string created = {};
  std::string finished = {};
  std::uint64_t matched = 0;  // names
  std::uint64_t done = 0;     // of them here, all of each
  std::uint64_t failed = 0;
  std::uint64_t bytes = 0;                               // of those done
  std::uint64_t fetched = 0;                             // of them from the lake
  std::uint64_t expected_names = 0, expected_bytes = 0;  // all that matches; 0: not known
  std::string last_error = {};
  friend bool operator==(const PrefetchInfo&, const PrefetchInfo&) = default;
};
std::string Encode(const PrefetchInfo& job);
Result<PrefetchInfo> DecodePrefetchInfo(std::string_view json);
std::string Encode(const std::vector<PrefetchInfo>& jobs);
Result<std::vector<PrefetchInfo>> DecodePrefetchInfos(std::string_view json);

// An element of GET /v1/tier/pins.
struct PinInfo {
  std::string pattern = {};
  std::string since = {};
  bool hydrate = false;
  friend bool operator==(const PinInfo&, const PinInfo&) = default;
};
std::string Encode(const std::vector<PinInfo>& pins);
Result<std::vector<PinInfo>> DecodePins(std::string_view json);

// The answer of POST /v1/tier/pin: the job that fetches what is pinned, 0 where none does.
struct PinAnswer {
  std::uint64_t job = 0;
};
std::string Encode(const PinAnswer& answer);
Result<PinAnswer> DecodePinAnswer(std::string_view json);

// The answer of POST /v1/tier/evict: names.
struct EvictInfo {
  std::uint64_t names = 0;  // that matched
  std::uint64_t evicted = 0;
  std::uint64_t evicted_bytes = 0;
  std::uint64_t absent = 0;  // nothing of it was here
  std::uint64_t pinned = 0;  // left alone
  std::uint64_t unsent = 0;  // left alone: the lake does not have all of it yet
  friend bool operator==(const EvictInfo&, const EvictInfo&) = default;
};
std::string Encode(const EvictInfo& answer);
Result<EvictInfo> DecodeEvictInfo(std::string_view json);

// The answer of POST /v1/tier/hydrate: one blob, all of it here.
struct HydrateInfo {
  std::uint64_t bytes = 0;
  std::uint64_t fetched = 0;  // of them just now
  friend bool operator==(const HydrateInfo&, const HydrateInfo&) = default;
};
std::string Encode(const HydrateInfo& answer);
Result<HydrateInfo> DecodeHydrateInfo(std::string_view json);

// GET /v1/tier?container=…: names of a container by where their bytes are.
struct ContainerTierInfo {
  std::uint64_t names = 0;
  std::uint64_t bytes = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t local = 0;    // only here
  std::uint64_t both = 0;     // here, and the lake has the same
  std::uint64_t lake = 0;     // only in the lake
  std::uint64_t partial = 0;  // in the lake, and some of it here
  std::uint64_t pinned = 0;
  friend bool operator==(const ContainerTierInfo&, const ContainerTierInfo&) = default;
};
std::string Encode(const ContainerTierInfo& tier);
Result<ContainerTierInfo> DecodeContainerTier(std::string_view json);

// GET /v1/tier?container=…&name=…: one blob.
struct BlobTierInfo {
  std::string residency = {};  // local, both, lake, partial
  std::uint64_t bytes = 0;
  std::uint64_t resident_bytes = 0;
  std::string pinned_by = {};  // the pattern; empty: it is not pinned
  friend bool operator==(const BlobTierInfo&, const BlobTierInfo&) = default;
};
std::string Encode(const BlobTierInfo& tier);
Result<BlobTierInfo> DecodeBlobTier(std::string_view json);

// GET /v1/cache: what this server keeps of lakes, all containers together.
struct CacheInfo {
  std::string watermark = {};  // below, evicting, stuck
  std::uint64_t resident_bytes = 0;
  std::uint64_t pinned_bytes = 0;
  std::uint64_t cache_bytes = 0;  // the limit; 0: only the disks
  std::uint64_t disk_capacity = 0;
  std::uint64_t disk_used = 0;
  std::uint64_t hits = 0, misses = 0;  // reads: all of it was here, or not
  std::uint64_t hit_bytes = 0, miss_bytes = 0;
  std::uint64_t evicted_bytes = 0;
  friend bool operator==(const CacheInfo&, const CacheInfo&) = default;
};
std::string Encode(const CacheInfo& cache);
Result<CacheInfo> DecodeCache(std::string_view json);

}  // namespace forebay::admin
