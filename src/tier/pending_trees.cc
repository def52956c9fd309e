#include "tier/pending_trees.h"

#include <algorithm>
#include <ranges>

#include "base/codec.h"
#include "engine/lake_objects.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

bool IsBelow(std::string_view name, std::string_view directory) {
  return name.size() > directory.size() && name.starts_with(directory) &&
         name[directory.size()] == '/';
}

}  // namespace

Result<PendingTrees> PendingTrees::Load(const kv::Reader& reader,
                                        const meta::ContainerRecord& container) {
  if (!container.hierarchical || !container.lake.travels()) return PendingTrees();
  return LoadAll(reader, container.id);
}

Result<PendingTrees> PendingTrees::LoadAll(const kv::Reader& reader, meta::ContainerId container) {
  PendingTrees out;
  const std::string prefix = meta::keys::PendingTrees(container);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    Tree tree;
    tree.holder = meta::keys::HolderOfTreeKey(it->key());
    FB_ASSIGN_OR_RETURN(tree.record, meta::DecodeTree(it->value()));
    out.trees_.push_back(std::move(tree));
  }
  FB_RETURN_IF_ERROR(it->status());
  return out;
}

std::string PendingTrees::InLake(std::string name, std::uint64_t holder) const {
  for (const Tree& tree : std::views::reverse(trees_)) {
    if (tree.holder >= holder) continue;
    if (tree.record.name.empty() || !IsBelow(name, tree.record.name)) continue;
    name = tree.record.from + name.substr(tree.record.name.size());
  }
  return name;
}

std::optional<PendingTrees::Gone> PendingTrees::Follow(std::string& name,
                                                       std::uint64_t holder) const {
  for (const Tree& tree : trees_) {
    if (tree.holder <= holder || !IsBelow(name, tree.record.from)) continue;
    if (tree.record.name.empty()) return Gone{meta::BlobId(tree.holder), name};
    name = tree.record.name + name.substr(tree.record.from.size());
  }
  return std::nullopt;
}

std::string PendingTrees::Here(std::string name, std::uint64_t holder) const {
  return Follow(name, holder) ? std::string() : name;
}

std::optional<PendingTrees::Gone> PendingTrees::WentWith(std::string name,
                                                         std::uint64_t holder) const {
  return Follow(name, holder);
}

bool PendingTrees::MovesAway(std::string_view name) const {
  return std::ranges::any_of(trees_,
                             [name](const Tree& tree) { return IsBelow(name, tree.record.from); });
}

Result<std::string> LakeNameOf(const kv::Reader& reader, const Attachment& attachment,
                               const std::string& name, const meta::LakeCopy& copy) {
  if (attachment.record.mode == meta::LakeMode::kCapacity) {
    return engine::LakeObjectName(copy.body);
  }
  if (!meta::LakeState{attachment.record.mode, false}.travels()) {
    return copy.name.empty() ? name : copy.name;
  }
  FB_ASSIGN_OR_RETURN(const PendingTrees trees,
                      PendingTrees::LoadAll(reader, attachment.container));
  // A file that was moved out of a directory, which had moved before.
  return copy.name.empty() ? trees.InLake(name) : trees.InLake(copy.name, copy.unsent);
}

}  // namespace forebay::tier
