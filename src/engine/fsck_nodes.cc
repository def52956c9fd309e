#include "engine/fsck_nodes.h"

#include <string>

#include "base/clock.h"
#include "base/codec.h"
#include "engine/release_node.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// The file has so many names; without one it is freed.
Result<> Recount(chunk::ChunkStore& chunks, kv::Transaction& txn, meta::ContainerId container,
                 meta::InodeId inode, std::uint32_t names) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(keys::Node(container, inode)));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::BlobRecord record, meta::DecodeBlob(*stored));
  record.node.links = names;
  meta::PutRecord(txn, container, {}, record);
  return FreeIfForgotten(chunks, txn, container, inode, Clock::System().Now());
}

}  // namespace

void FsckNodes::Add(std::string_view key, const meta::BlobRecord& record) {
  const bool is_node = keys::IsNodeKey(key);
  if (record.directory) return;  // the root's attributes lie among the nodes
  const meta::InodeId inode = meta::InodeOf(record);
  if (!part_.Has({inode.value(), 0})) return;
  const std::pair id{meta::ContainerId(KeyReader(key.substr(1)).U64()), inode};
  if (!is_node && !record.node.link) {
    // The nodes of a container come before its names.
    if (const auto node = files_.find(id); node != files_.end()) node->second.twice = true;
    return;
  }
  File& file = files_[id];
  if (!is_node) {
    ++file.names;
    return;
  }
  file.there = true;
  file.counts = record.node.links;
}

Result<> FsckNodes::Report(chunk::ChunkStore& chunks, bool may_free) {
  for (const auto& [id, file] : files_) {
    FB_RETURN_IF_ERROR(Check(id.first, id.second, file, chunks, may_free));
  }
  return {};
}

Result<> FsckNodes::Check(meta::ContainerId container, meta::InodeId inode, const File& file,
                          chunk::ChunkStore& chunks, bool may_free) {
  const std::string what = "file " + std::to_string(inode.value());
  const std::string names = std::to_string(file.names) + " names";
  if (!file.there) {
    report_(FsckProblem::kLostFile, names + " lead to " + what + ", which is not there");
    return {};
  }
  if (file.twice) {
    report_(FsckProblem::kTwoRecords, what + " has its record at a name, and another one apart");
    return {};
  }
  FB_ASSIGN_OR_RETURN(const bool held, IsHeld(reader_, container, inode));
  if (file.names == 0 && !held) {
    report_(FsckProblem::kForgottenFile,
            "nothing names or holds " + what + (may_free ? "" : "; its bytes may be another's"));
    if (!may_free) return {};
  } else if (file.names != file.counts) {
    report_(FsckProblem::kLinkCount,
            what + " has " + names + ", and counts " + std::to_string(file.counts));
  } else {
    return {};
  }
  fix_([&chunks, container, inode, count = file.names](kv::Transaction& txn) {
    return Recount(chunks, txn, container, inode, count);
  });
  return {};
}

}  // namespace forebay::engine
