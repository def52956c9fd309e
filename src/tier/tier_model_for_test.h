// For the model test of the tier: shapes of containers, and versions of blobs that can be told from
// their bytes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "azure/metadata.h"
#include "meta/lake_records.h"
#include "tier/conflict.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {

inline std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtoull(value, nullptr, 10) : otherwise;
}

struct Shape {
  const char* name;
  bool hierarchical;  // here
  bool lake_hierarchical;
  meta::Ordering ordering = meta::Ordering::kCommit;
  meta::ConflictPolicy policy = meta::ConflictPolicy::kKeepBoth;
  bool others = false;  // somebody else changes the lake too
};
inline void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

// A version of some blob: its bytes follow from its number, and its metadata say the number.
using Version = std::uint64_t;
inline constexpr std::size_t kSizes[] = {20, 4'000, 700, 4'000, 20, 0, 4'000};

inline std::string BytesOf(Version version) {
  const std::size_t size = kSizes[version % std::size(kSizes)];
  if (size == 0) return {};
  std::string bytes = "v" + std::to_string(version) + "#";
  return bytes + Pattern(size - bytes.size(), version);
}
inline azure::Metadata MetadataOf(Version version, unsigned turn) {
  return {{"version", std::to_string(version)}, {"turn", std::to_string(turn)}};
}
inline Version VersionOf(const azure::Metadata& metadata) {
  for (const auto& [key, value] : metadata) {
    if (key == "version") return std::strtoull(value.c_str(), nullptr, 10);
  }
  return 0;
}
// As any client of the lake: each block has an id of its own, and nobody says an MD5.
inline bool WriteThere(lake::MemoryLake& lake, const std::string& name, Version version,
                       const lake::LakeConditions& seen) {
  const std::string bytes = BytesOf(version);
  lake::CommitRequest commit;
  commit.name = lake::BlobName(name);
  commit.metadata = MetadataOf(version, 0);
  commit.conditions = seen;
  if (!bytes.empty()) {
    const azure::BlockId id("other" + std::to_string(version + 1'000'000));
    (void)RunSync(lake.PutBlock(
        {}, {.name = lake::BlobName(name), .id = id, .content = lake::TextContent(bytes)}));
    commit.blocks.push_back({id, lake::BlockSource::kLatest});
  }
  return RunSync(lake.CommitBlocks({}, std::move(commit))).has_value();
}

// Where the local side wins, our metadata are laid over bytes that changed there: the versions of
// which conflicts took the bytes and left the metadata.
inline std::set<Version> LaidOver(const std::vector<ListedConflict>& conflicts) {
  std::set<Version> versions;
  for (const ListedConflict& listed : conflicts) {
    const ConflictRecord& record = listed.record;
    if (record.outcome != ConflictOutcome::kLocalWon || record.record_here.empty()) continue;
    const auto ours = meta::DecodeBlob(record.record_here);
    EXPECT_TRUE(ours);
    if (ours) versions.insert(VersionOf(ours->metadata));
  }
  return versions;
}

inline bool IsWhole(const std::string& bytes) {
  if (bytes.empty()) return true;
  return bytes == BytesOf(std::strtoull(bytes.c_str() + 1, nullptr, 10));
}

struct Mine {
  Version version = 0;
  unsigned turn = 0;
  friend bool operator==(const Mine&, const Mine&) = default;
};
inline void PrintTo(const Mine& mine, std::ostream* out) {
  *out << mine.version << "/" << mine.turn;
}

}  // namespace forebay::tier
