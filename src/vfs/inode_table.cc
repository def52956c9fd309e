#include "vfs/inode_table.h"

#include <algorithm>
#include <ranges>

#include "vfs/node.h"

namespace forebay::vfs {
namespace {

constexpr std::uint64_t kHighBit = 1ull << 63;

// Marks numbers that were made here, so that they differ from those of a server.
std::uint64_t HashOf(std::string_view path) {
  std::uint64_t hash = 0xCBF2'9CE4'8422'2325ull;
  for (const char c : path) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x0000'0100'0000'01B3ull;
  }
  hash ^= hash >> 32;
  return (hash * 0x9E37'79B9'7F4A'7C15ull) | kHighBit;
}

// Without numbers of the server a file that was replaced is told by its creation time.
bool IsSameFile(const Attributes& a, const Attributes& b) {
  return a.kind == b.kind && (a.btime == b.btime || a.btime.ns == 0 || b.btime.ns == 0);
}

}  // namespace

InodeTable::InodeTable(InodeTableOptions options) : options_(options) {
  root_ = MakeNode(kRootInode);
  root_->lookups = 1;
  root_->attributes.kind = FileKind::kDirectory;
  Settle(root_);
}

InodeTable::~InodeTable() {
  // Nodes and their names refer to each other.
  for (auto& [number, node] : nodes_) {
    node->names.clear();
    node->entries.clear();
  }
}

std::size_t InodeTable::size() const {
  std::lock_guard lock(mutex_);
  return nodes_.size();
}

InodeNumber InodeTable::NumberOf(const NodePtr& node) { return node->number; }

Result<NodePtr> InodeTable::Find(InodeNumber inode) {
  std::lock_guard lock(mutex_);
  const auto found = nodes_.find(inode);
  if (found == nodes_.end()) return Fail(Code::kFileGone, "No file has that number.");
  return found->second;
}

NodePtr InodeTable::FindById(RemoteId id) {
  std::lock_guard lock(mutex_);
  if (root_->id == id) return root_;
  Attributes attributes;
  attributes.id = id;
  InodeNumber number = NumberFor(attributes, {});
  if (const auto newest = newest_.find(number); newest != newest_.end()) number = newest->second;
  const auto found = nodes_.find(number);
  return found == nodes_.end() ? nullptr : found->second;
}

bool InodeTable::HasPath(const Node& node) const {
  for (const Node* at = &node; at != root_.get(); at = at->names.front().parent.get()) {
    if (at->names.empty()) return false;
  }
  return true;
}

std::string InodeTable::PathOf(const Node& node) const {
  std::vector<std::string_view> parts;
  for (const Node* at = &node; at != root_.get() && !at->names.empty();
       at = at->names.front().parent.get()) {
    parts.push_back(at->names.front().name);
  }
  std::string path;
  for (const std::string_view part : parts | std::views::reverse) {
    if (!path.empty()) path += '/';
    path += part;
  }
  return path;
}

Result<FileRef> InodeTable::Where(const NodePtr& node) const {
  std::lock_guard lock(mutex_);
  if (!options_.stable_ids && !HasPath(*node)) {
    return Fail(Code::kFileGone, "The file has no name any more.");
  }
  return FileRef{PathOf(*node), node->id};
}

Result<NameRef> InodeTable::Place(const NodePtr& parent, std::string_view name) const {
  if (name.size() > kMaxNameBytes) return Fail(Code::kFileNameTooLong, "The name is too long.");
  FB_ASSIGN_OR_RETURN(FileRef where, Where(parent));
  if (where.path.size() + 1 + name.size() > kMaxPathBytes) {
    return Fail(Code::kFileNameTooLong, "The path is too long.");
  }
  return NameRef{std::move(where), std::string(name)};
}

InodeNumber InodeTable::ParentOf(const NodePtr& node) const {
  std::lock_guard lock(mutex_);
  return node->names.empty() ? kRootInode : node->names.front().parent->number;
}

Stamp InodeTable::Begin() const {
  std::lock_guard lock(mutex_);
  return {options_.clock->SteadyNow(), epoch_};
}

std::chrono::milliseconds InodeTable::Left(SteadyTime at, std::chrono::milliseconds age) const {
  if (at == SteadyTime()) return std::chrono::milliseconds(0);
  const auto past = std::chrono::ceil<std::chrono::milliseconds>(options_.clock->SteadyNow() - at);
  return std::max(age - past, std::chrono::milliseconds(0));
}

InodeNumber InodeTable::NumberFor(const Attributes& fresh, const std::string& path) const {
  if (!options_.stable_ids) return InodeNumber(HashOf(path));
  if (fresh.id == root_->id) return kRootInode;
  // The server's own number, but for the one that the kernel's root has.
  const std::uint64_t id = fresh.id.value();
  return id == kRootInode.value() || id == 0 ? InodeNumber(id | kHighBit) : InodeNumber(id);
}

NodePtr InodeTable::MakeNode(InodeNumber number) {
  auto node = std::make_shared<Node>(number);
  nodes_.emplace(number, node);
  return node;
}

NodePtr InodeTable::NodeFor(Node& parent, std::string_view name, const Attributes& fresh) {
  if (!options_.stable_ids) {
    const auto entry = parent.entries.find(name);
    if (entry != parent.entries.end() && entry->second.node != nullptr &&
        IsSameFile(entry->second.node->attributes, fresh)) {
      return entry->second.node;
    }
  }
  std::string path = PathOf(parent);
  path += '/';
  path += name;
  InodeNumber number = NumberFor(fresh, path);
  if (const auto newest = newest_.find(number); newest != newest_.end()) number = newest->second;
  const auto found = nodes_.find(number);
  if (options_.stable_ids) return found != nodes_.end() ? found->second : MakeNode(number);
  // Somebody moved, or a replaced one that the kernel still knows, has that number.
  while (nodes_.contains(number)) number = InodeNumber((number.value() + 1) | kHighBit);
  return MakeNode(number);
}

// The node of the version after the one that `old` keeps.
NodePtr InodeTable::Succeed(const NodePtr& old) {
  const InodeNumber shown = old->shown == InodeNumber() ? old->number : old->shown;
  InodeNumber number((shown.value() * 0x9E37'79B9'7F4A'7C15ull) | kHighBit);
  while (nodes_.contains(number)) number = InodeNumber((number.value() + 1) | kHighBit);
  NodePtr node = MakeNode(number);
  node->shown = shown;
  node->id = old->id;
  node->names = std::exchange(old->names, {});
  for (const Node::Name& name : node->names) name.parent->entries[name.name].node = node;
  old->superseded = true;
  newest_[shown] = number;
  return node;
}

void InodeTable::Erase(const Node& node) {
  const auto newest = newest_.find(node.shown);
  if (newest != newest_.end() && newest->second == node.number) newest_.erase(newest);
  nodes_.erase(node.number);
}

void InodeTable::Store(Node& node, const Attributes& fresh, SteadyTime at) {
  node.attributes = fresh;
  node.attributes.inode = node.number;
  node.attributes.shown = node.shown;
  node.id = fresh.id;
  node.attributes_at = at;
  node.attributes_known = true;
}

void InodeTable::SetName(const NodePtr& node, const NodePtr& parent, std::string_view name) {
  for (const Node::Name& known : node->names) {
    if (known.parent == parent && known.name == name) return;
  }
  // A directory, and a file without numbers, has one name; of another we are told too late.
  if (!node->names.empty() && (node->attributes.IsDirectory() || !options_.stable_ids)) {
    const Node::Name old = node->names.front();
    DropName(*old.parent, old.name);
    Settle(old.parent);
  }
  node->names.push_back({parent, std::string(name)});
  node->unlinked = false;
}

void InodeTable::DropName(Node& parent, std::string_view name) {
  const auto entry = parent.entries.find(name);
  if (entry == parent.entries.end()) return;
  const NodePtr node = entry->second.node;
  parent.entries.erase(entry);
  if (node == nullptr) return;
  std::erase_if(node->names, [&](const Node::Name& known) {
    return known.parent.get() == &parent && known.name == name;
  });
  if (node->names.empty()) node->unlinked = true;
  Settle(node);
}

// Into the list of idle nodes, or out of it.
void InodeTable::Settle(const NodePtr& node) {
  const bool idle = node->lookups == 0 && node->opens == 0 && node->entries.empty();
  const bool keep = idle && !node->names.empty();
  if (node->is_idle && !keep) {
    idle_.erase(node->idle_at);
    node->is_idle = false;
  }
  if (idle && !keep) Erase(*node);
  if (!keep || node->is_idle) return;
  node->idle_at = idle_.insert(idle_.end(), node);
  node->is_idle = true;
}

void InodeTable::Evict(const NodePtr& node) {
  // The last name takes the node along (Settle).
  const std::vector<Node::Name> names = node->names;
  if (node->is_idle) idle_.erase(node->idle_at);
  node->is_idle = false;
  node->names.clear();
  Erase(*node);
  for (const Node::Name& name : names) {
    const auto entry = name.parent->entries.find(name.name);
    if (entry != name.parent->entries.end() && entry->second.node == node) {
      name.parent->entries.erase(entry);
    }
    Settle(name.parent);
  }
}

void InodeTable::EvictIdle() {
  while (idle_.size() > options_.max_idle) Evict(NodePtr(idle_.front()));
}

NodePtr InodeTable::Install(const NodePtr& parent, std::string_view name, const Attributes& fresh,
                            Stamp stamp, bool look_up) {
  std::lock_guard lock(mutex_);
  const auto known = parent->entries.find(name);
  if (known != parent->entries.end() && known->second.node != nullptr &&
      known->second.epoch > stamp.epoch) {
    // A listing that took its time tells of what had the name before we gave it to this one.
    const NodePtr newer = known->second.node;
    if (look_up) ++newer->lookups;
    Settle(newer);
    return newer;
  }
  NodePtr node = NodeFor(*parent, name, fresh);
  if (known == parent->entries.end() && TakenAwaySince(*parent, name, stamp)) {
    if (!node->attributes_known) Store(*node, fresh, SteadyTime());
    if (look_up) ++node->lookups;
    Settle(node);
    return node;
  }
  const bool news = node->attributes_at < stamp.at && node->changed <= stamp.epoch;
  if (node->superseded || (news && node->open != nullptr && node->open->Keeps(fresh))) {
    node = Succeed(node);
  }
  const auto entry = parent->entries.find(name);
  if (entry != parent->entries.end() && entry->second.node != node) DropName(*parent, name);
  // What is newer than the question stays; what was asked before we changed something is not kept.
  const bool current = parent->changed <= stamp.epoch;
  const SteadyTime at = current ? stamp.at : SteadyTime();
  if (node->attributes_at < stamp.at && node->changed <= stamp.epoch) Store(*node, fresh, stamp.at);
  if (!node->attributes_known) Store(*node, fresh, SteadyTime());
  SetName(node, parent, name);
  parent->entries[std::string(name)] = {node, at, stamp.epoch};
  if (look_up) ++node->lookups;
  Settle(parent);
  Settle(node);
  EvictIdle();
  return node;
}

void InodeTable::InstallAbsence(const NodePtr& parent, std::string_view name, Stamp stamp) {
  std::lock_guard lock(mutex_);
  if (parent->changed > stamp.epoch) return;
  DropName(*parent, name);
  parent->RememberAbsence(name, stamp.at, options_.clock->SteadyNow() - options_.negative_age);
}

bool InodeTable::InstallAttributes(const NodePtr& node, const Attributes& fresh, Stamp stamp) {
  std::lock_guard lock(mutex_);
  if (node->changed > stamp.epoch) return false;
  if (stamp.at < node->attributes_at) return true;
  node->behind = node->open != nullptr ? node->open->Keeps(fresh)
                                       : node->superseded && node->closing == nullptr;
  if (!node->behind) {
    Store(*node, fresh, stamp.at);
    return true;
  }
  node->attributes_at = stamp.at;
  for (const Node::Name& name : node->names) {
    const auto entry = name.parent->entries.find(name.name);
    if (entry != name.parent->entries.end()) entry->second.at = SteadyTime();
  }
  return true;
}

bool InodeTable::Behind(const NodePtr& node) const {
  std::lock_guard lock(mutex_);
  return node->behind || node->superseded;
}

std::optional<CachedEntry> InodeTable::LookUp(const NodePtr& parent, std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto entry = parent->entries.find(name);
  if (entry != parent->entries.end()) {
    const NodePtr& node = entry->second.node;
    const auto left = Left(entry->second.at, options_.entry_age);
    if (left.count() == 0 || Left(node->attributes_at, options_.attribute_age).count() == 0) {
      return std::nullopt;
    }
    ++node->lookups;
    Settle(node);
    if (parent->look_ahead != nullptr) {
      parent->look_ahead->LookedUp(false, options_.clock->SteadyNow(), options_.entry_age);
    }
    return CachedEntry{node, left};
  }
  const auto absent = parent->absent.find(name);
  if (absent == parent->absent.end()) return std::nullopt;
  const auto left = Left(absent->second, options_.negative_age);
  if (left.count() == 0) return std::nullopt;
  return CachedEntry{nullptr, left};
}

void InodeTable::Asked(const NodePtr& directory) {
  std::lock_guard lock(mutex_);
  if (directory->look_ahead == nullptr) directory->look_ahead = std::make_unique<LookAhead>();
  directory->look_ahead->LookedUp(true, options_.clock->SteadyNow(), options_.entry_age);
}

std::optional<LookAhead::Page> InodeTable::WorthListing(const NodePtr& directory) {
  std::lock_guard lock(mutex_);
  if (directory->look_ahead == nullptr) return std::nullopt;
  return directory->look_ahead->Next(options_.clock->SteadyNow(), options_.entry_age);
}

void InodeTable::Listed(const NodePtr& directory, std::size_t entries, std::string next) {
  std::lock_guard lock(mutex_);
  directory->look_ahead->Listed(entries, std::move(next));
}

void InodeTable::ListingFailed(const NodePtr& directory) {
  std::lock_guard lock(mutex_);
  directory->look_ahead->Failed();
}

NodePtr InodeTable::Child(const NodePtr& parent, std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto entry = parent->entries.find(name);
  return entry == parent->entries.end() ? nullptr : entry->second.node;
}

bool InodeTable::ChangedSince(const NodePtr& directory, Stamp stamp) const {
  std::lock_guard lock(mutex_);
  return directory->changed > stamp.epoch;
}

bool InodeTable::GoneSince(const NodePtr& parent, std::string_view name, Stamp stamp) const {
  std::lock_guard lock(mutex_);
  return !parent->entries.contains(name) && TakenAwaySince(*parent, name, stamp);
}

bool InodeTable::TakenAwaySince(const Node& parent, std::string_view name, Stamp stamp) const {
  const auto absent = parent.absent.find(name);
  return absent != parent.absent.end() && absent->second > stamp.at;
}

std::chrono::milliseconds InodeTable::EntryLeft(const NodePtr& parent,
                                                std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto entry = parent->entries.find(name);
  if (entry == parent->entries.end()) return std::chrono::milliseconds(0);
  return Left(entry->second.at, options_.entry_age);
}

CachedAttributes InodeTable::GetAttributes(const NodePtr& node) const {
  std::lock_guard lock(mutex_);
  CachedAttributes out;
  out.attributes = node->attributes;
  out.attributes.inode = node->number;
  out.attributes.shown = node->shown;
  out.known = node->attributes_known;
  out.unlinked = node->unlinked;
  if (out.known) out.left = Left(node->attributes_at, options_.attribute_age);
  return out;
}

void InodeTable::Forget(InodeNumber inode, std::uint64_t lookups) {
  std::lock_guard lock(mutex_);
  const auto found = nodes_.find(inode);
  if (found == nodes_.end() || inode == kRootInode) return;
  const NodePtr node = found->second;
  node->lookups -= std::min(node->lookups, lookups);
  Settle(node);
  EvictIdle();
}

}  // namespace forebay::vfs
