// What fsck knows of the bytes and references of one part of the ids, and what holders it has met.
// Internal to engine/fsck.cc. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "chunk/records.h"
#include "engine/fsck.h"
#include "meta/extent.h"

namespace forebay::engine {

// Who holds bytes: a body, or a staged block by its holder id; or exclusively, by a record that has
// no id of its own and counts as one that nobody else has.
struct FsckHolder {
  std::uint64_t id = 0;
  bool exclusive = false;
  friend bool operator==(const FsckHolder&, const FsckHolder&) = default;
};

// What a holder has to do with the bytes that it names.
enum class FsckClaim : std::uint8_t {
  kHolds,     // a blob, a staged block: the bytes must be there
  kReleases,  // garbage: they may be gone already
  kNames,     // a preparation of a block list: holds only what it has a reference for
};

class FsckFacts {
 public:
  using Report = std::function<void(FsckProblem, std::string)>;
  using Fix = std::function<void(std::function<Result<>(kv::Transaction&)>)>;

  // Knows the ids whose hash modulo `parts` is `part`.
  FsckFacts(const kv::Reader& reader, std::uint64_t part, std::uint64_t parts, Report report,
            Fix fix)
      : reader_(reader),
        part_(part),
        parts_(parts),
        report_(std::move(report)),
        fix_(std::move(fix)) {}

  Result<> Load();
  std::uint64_t stored() const { return units_.size(); }

  void AddExtents(FsckHolder holder, FsckClaim claim, const std::vector<meta::Extent>& extents);
  // A record names the body (0 for `blob`: garbage does); a generation or list counts as one.
  void AddBody(std::uint64_t body, std::uint64_t blob);

  // After all holders were added.
  void ReportReferences();
  void ReportOrphans(chunk::ChunkStore& chunks);
  Result<> ReportForgotten();

 private:
  struct Reference {
    std::uint64_t holder = 0;
    bool seen = false;
  };
  struct Unit {
    bool held = false;
    FsckHolder first;
    std::vector<Reference> references;
  };
  struct Body {
    bool named = false;
    std::uint64_t blob = 0;  // the first one
    std::vector<Reference> references;
  };

  bool Mine(std::uint64_t a, std::uint64_t b = 0) const {
    std::uint64_t h = (a * 0x9E3779B97F4A7C15ULL) ^ (b + 0x7F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL;
    return parts_ == 1 || (h ^ (h >> 31)) % parts_ == part_;
  }
  void Hold(const meta::Extent& extent, Unit& unit, FsckHolder holder, FsckClaim claim);
  void PutReference(const std::string& key);
  void EraseReference(const std::string& key);

  const kv::Reader& reader_;
  const std::uint64_t part_;
  const std::uint64_t parts_;
  const Report report_;
  const Fix fix_;
  struct HashChunk {
    std::size_t operator()(const chunk::ChunkId& id) const {
      return std::hash<std::uint64_t>()(id.session * 0x9E3779B97F4A7C15ULL ^ id.sequence);
    }
  };
  std::unordered_map<chunk::ChunkId, Unit, HashChunk> units_;
  std::unordered_map<std::uint64_t, Body> bodies_;
};

}  // namespace forebay::engine
