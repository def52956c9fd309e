// Compares the files of one part of the ids that lie apart from their names (meta/nodes.h) with the
// names that lead to them. Internal to engine/fsck.cc. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "chunk/chunk_store.h"
#include "engine/fsck_facts.h"
#include "kv/store.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::engine {

class FsckNodes {
 public:
  FsckNodes(const kv::Reader& reader, FsckPart part, FsckReport report, FsckFix fix)
      : reader_(reader), part_(part), report_(std::move(report)), fix_(std::move(fix)) {}

  // A record of a hierarchical container that is not deleted, under its key. In the order of keys.
  void Add(std::string_view key, const meta::BlobRecord& record);
  // After all were added. What is freed is `chunks`', and nothing is unless `may_free`: that the
  // bytes of a file which nothing leads to are nobody else's is the caller's to know.
  Result<> Report(chunk::ChunkStore& chunks, bool may_free);

 private:
  struct File {
    bool there = false;
    bool twice = false;        // another record of it stands at a name
    std::uint32_t counts = 0;  // as its record says
    std::uint32_t names = 0;   // that lead to it
  };
  Result<> Check(meta::ContainerId container, meta::InodeId inode, const File& file,
                 chunk::ChunkStore& chunks, bool may_free);

  const kv::Reader& reader_;
  const FsckPart part_;
  const FsckReport report_;
  const FsckFix fix_;
  std::map<std::pair<meta::ContainerId, meta::InodeId>, File> files_;
};

}  // namespace forebay::engine
