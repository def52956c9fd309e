// Directories of a hierarchical container that were moved or deleted here and not yet in the lake:
// what is below them has other names there than here.
//
// One lookup where there are none, and none at all in flat containers. A value; pure but for Load.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/store.h"
#include "meta/lake_records.h"
#include "meta/records.h"
#include "tier/attachments.h"

namespace forebay::tier {

class PendingTrees {
 public:
  static Result<PendingTrees> Load(const kv::Reader& reader,
                                   const meta::ContainerRecord& container);
  static Result<PendingTrees> LoadAll(const kv::Reader& reader, meta::ContainerId container);

  bool empty() const { return trees_.empty(); }
  // The entry of the last of them; 0: there are none.
  std::uint64_t newest() const { return trees_.empty() ? 0 : trees_.back().holder; }
  // Where the lake has what is `name` here, or was when the entry `holder` was noted.
  std::string InLake(std::string name, std::uint64_t holder = UINT64_MAX) const;
  // What is called here now what `name` was when the entry `holder` was noted. Empty: it went with
  // a directory that was deleted.
  std::string Here(std::string name, std::uint64_t holder) const;
  // Where that is empty: the entry of the log that deletes the directory, and what `name` was
  // called then, which is how its keys::GoneName says it. nullopt: it is still here.
  struct Gone {
    meta::BlobId holder;
    std::string name;
  };
  std::optional<Gone> WentWith(std::string name, std::uint64_t holder) const;
  // A name of the lake is below a directory that is not there any more here.
  bool MovesAway(std::string_view name) const;

 private:
  struct Tree {
    std::uint64_t holder = 0;
    meta::TreeRecord record;
  };
  // Makes the name that of now, or of when it went.
  std::optional<Gone> Follow(std::string& name, std::uint64_t holder) const;

  std::vector<Tree> trees_;  // ascending
};

// The lake's name for what the lake copy of `name` speaks of.
Result<std::string> LakeNameOf(const kv::Reader& reader, const Attachment& attachment,
                               const std::string& name, const meta::LakeCopy& copy);

}  // namespace forebay::tier
