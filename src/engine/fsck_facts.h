// What fsck knows of the bytes and references of one part of the ids, and what holders it has met.
// Internal to engine/fsck.cc. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "chunk/records.h"
#include "engine/fsck.h"
#include "meta/extent.h"
#include "meta/ids.h"

namespace forebay::engine {

// Who holds bytes: a body, or a staged block by its holder id; or exclusively, by a record that has
// no id of its own and counts as one that nobody else has.
struct FsckHolder {
  meta::BodyId id;  // exclusive: a number of fsck's own
  bool exclusive = false;
  friend bool operator==(const FsckHolder&, const FsckHolder&) = default;
};

// What a holder has to do with the bytes that it names.
enum class FsckClaim : std::uint8_t {
  kHolds,     // a blob, a staged block: the bytes must be there
  kReleases,  // garbage: they may be gone already
  kNames,     // a preparation of a block list: holds only what it has a reference for
};

// Which part of the ids one pass looks at: those whose hash modulo `count` is `index`.
struct FsckPart {
  std::uint64_t index = 0;
  std::uint64_t count = 1;

  bool Has(chunk::ChunkId id) const {
    const std::uint64_t h = (id.session * 0x9E3779B97F4A7C15ULL) ^
                            (id.sequence + 0x7F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL;
    return count == 1 || (h ^ (h >> 31)) % count == index;
  }
};

// How a problem is told, and how what repairs it is left for later.
using FsckReport = std::function<void(FsckProblem, std::string)>;
using FsckFix = std::function<void(std::function<Result<>(kv::Transaction&)>)>;

class FsckFacts {
 public:
  FsckFacts(const kv::Reader& reader, FsckPart part, FsckReport report, FsckFix fix)
      : reader_(reader), part_(part), report_(std::move(report)), fix_(std::move(fix)) {}

  Result<> Load();
  std::uint64_t stored() const { return units_.size(); }

  void AddExtents(FsckHolder holder, FsckClaim claim, const std::vector<meta::Extent>& extents);
  // A record names the body (no blob: garbage or a staging does); a generation or list counts as
  // one. Each record of a blob is to be added once.
  void AddBody(meta::BodyId body, std::optional<meta::BlobId> blob);

  // After all holders were added.
  void ReportReferences();
  void ReportOrphans(chunk::ChunkStore& chunks);
  Result<> ReportForgotten();

 private:
  template <class Id>
  struct Reference {
    Id holder;
    bool seen = false;
  };
  struct Unit {
    bool held = false;
    FsckHolder first;
    std::vector<Reference<meta::BodyId>> references;
  };
  struct Body {
    bool named = false;
    std::optional<meta::BlobId> blob;  // the first one
    std::vector<Reference<meta::BlobId>> references;
  };

  bool Mine(chunk::ChunkId id) const { return part_.Has(id); }
  bool Mine(meta::BodyId id) const { return Mine(chunk::ChunkId{id.value(), 0}); }
  void Hold(const meta::Extent& extent, Unit& unit, FsckHolder holder, FsckClaim claim);
  void PutReference(const std::string& key);
  void EraseReference(const std::string& key);

  const kv::Reader& reader_;
  const FsckPart part_;
  const FsckReport report_;
  const FsckFix fix_;
  struct HashChunk {
    std::size_t operator()(const chunk::ChunkId& id) const {
      return std::hash<std::uint64_t>()(id.session * 0x9E3779B97F4A7C15ULL ^ id.sequence);
    }
  };
  std::unordered_map<chunk::ChunkId, Unit, HashChunk> units_;
  std::unordered_map<meta::BodyId, Body> bodies_;
};

}  // namespace forebay::engine
