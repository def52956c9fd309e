// The inode table's other half: what this mount did, and what is open.
#include <algorithm>

#include "vfs/inode_table.h"
#include "vfs/node.h"

namespace forebay::vfs {

// From now on what was asked before is not remembered.
void InodeTable::Mark(Node& node) {
  node.changed = ++epoch_;
  node.changed_at = options_.clock->SteadyNow();
}

void InodeTable::MarkDirectory(Node& directory, std::optional<FileTime> time) {
  Mark(directory);
  if (!time) {
    directory.attributes_at = SteadyTime();
    return;
  }
  // Answers may overtake one another.
  Attributes& known = directory.attributes;
  known.mtime = std::max(known.mtime, *time);
  known.ctime = std::max(known.ctime, *time);
}

bool InodeTable::ChangedHere(const NodePtr& node, std::chrono::milliseconds lately) const {
  std::lock_guard lock(mutex_);
  return node->changed > 0 && options_.clock->SteadyNow() - node->changed_at < lately;
}

void InodeTable::Removed(const NodePtr& parent, std::string_view name,
                         std::optional<FileTime> time) {
  std::lock_guard lock(mutex_);
  const auto entry = parent->entries.find(name);
  if (entry != parent->entries.end() && entry->second.node != nullptr) {
    Node& node = *entry->second.node;
    Mark(node);
    node.attributes_at = SteadyTime();
    if (node.attributes.nlink > 0) --node.attributes.nlink;
  }
  DropName(*parent, name);
  MarkDirectory(*parent, time);
  const SteadyTime now = options_.clock->SteadyNow();
  parent->RememberAbsence(name, now, now - options_.negative_age);
  Settle(parent);
}

void InodeTable::Renamed(const NodePtr& from, std::string_view name, const NodePtr& to,
                         std::string_view new_name, bool exchange, std::optional<FileTime> time) {
  std::lock_guard lock(mutex_);
  const auto take = [this](Node& parent, std::string_view at) -> NodePtr {
    const auto entry = parent.entries.find(at);
    if (entry == parent.entries.end()) return nullptr;
    NodePtr node = entry->second.node;
    parent.entries.erase(entry);
    if (node == nullptr) return nullptr;
    std::erase_if(node->names, [&](const Node::Name& known) {
      return known.parent.get() == &parent && known.name == at;
    });
    Mark(*node);
    node->attributes_at = SteadyTime();
    return node;
  };
  const SteadyTime now = options_.clock->SteadyNow();
  const NodePtr moved = take(*from, name);
  const NodePtr other = take(*to, new_name);
  const auto put = [&](const NodePtr& node, const NodePtr& parent, std::string_view at) {
    if (node == nullptr) return;
    node->names.insert(node->names.begin(), {parent, std::string(at)});
    parent->entries[std::string(at)] = {node, now, ++epoch_};
  };
  put(moved, to, new_name);
  if (exchange) {
    put(other, from, name);
  } else if (other != nullptr) {
    if (other->attributes.nlink > 0) --other->attributes.nlink;
    if (other->names.empty()) other->unlinked = true;
    Settle(other);
  }
  from->absent.erase(std::string(name));
  to->absent.erase(std::string(new_name));
  if (!exchange) from->RememberAbsence(name, now, now - options_.negative_age);
  for (const NodePtr& directory : {from, to}) {
    MarkDirectory(*directory, time);
    Settle(directory);
  }
}

void InodeTable::Changed(const NodePtr& node, const Attributes* fresh) {
  std::lock_guard lock(mutex_);
  Mark(*node);
  if (fresh != nullptr) {
    Attributes now = *fresh;
    if (node->behind) {  // what it says of the content is another version's
      now.size = node->attributes.size;
      now.allocated = node->attributes.allocated;
      now.mtime = node->attributes.mtime;
      now.etag = node->attributes.etag;
    }
    Store(*node, now, options_.clock->SteadyNow());
  } else {
    node->attributes_at = SteadyTime();
  }
}

void InodeTable::ContentChanged(const NodePtr& node, const OpenFileState& state) {
  std::lock_guard lock(mutex_);
  Mark(*node);
  Attributes& attributes = node->attributes;
  attributes.size = state.size;
  attributes.allocated = state.size;
  attributes.etag = state.etag;
  if (state.mtime) {
    attributes.mtime = attributes.ctime = *state.mtime;
  } else {
    node->attributes_at = SteadyTime();
  }
}

void InodeTable::DirectoryChanged(const NodePtr& directory, std::optional<FileTime> time) {
  std::lock_guard lock(mutex_);
  MarkDirectory(*directory, time);
}

void InodeTable::Distrust(const NodePtr& node) {
  std::lock_guard lock(mutex_);
  node->changed = ++epoch_;
  node->attributes_at = SteadyTime();
  node->absent.clear();
  node->xattrs.clear();
  for (auto& [name, entry] : node->entries) entry.at = SteadyTime();
}

void InodeTable::DistrustAll() {
  std::lock_guard lock(mutex_);
  for (auto& [number, node] : nodes_) {
    node->changed = ++epoch_;
    node->attributes_at = SteadyTime();
    node->absent.clear();
    node->xattrs.clear();
    for (auto& [name, entry] : node->entries) entry.at = SteadyTime();
  }
}

std::optional<InodeTable::KnownXattr> InodeTable::GetXattr(const NodePtr& node,
                                                           std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto found = node->xattrs.find(name);
  if (found == node->xattrs.end()) return std::nullopt;
  if (Left(found->second.at, options_.attribute_age).count() == 0) return std::nullopt;
  return KnownXattr{found->second.value};
}

void InodeTable::InstallXattr(const NodePtr& node, std::string_view name,
                              std::optional<std::string> value, Stamp stamp) {
  std::lock_guard lock(mutex_);
  if (node->changed > stamp.epoch || (value && value->size() > Node::kMaxXattrBytes)) return;
  if (node->xattrs.size() >= Node::kMaxXattrs) node->xattrs.clear();
  node->xattrs.insert_or_assign(std::string(name), Node::Xattr{std::move(value), stamp.at});
}

void InodeTable::ForgetXattrs(const NodePtr& node) {
  std::lock_guard lock(mutex_);
  node->xattrs.clear();
}

InodeTable::Opening InodeTable::Open(const NodePtr& node,
                                     const std::function<std::shared_ptr<OpenFile>()>& make) {
  std::lock_guard lock(mutex_);
  if (node->closing != nullptr) return {nullptr, node->closing};
  ++node->opens;
  if (node->open == nullptr) node->open = make();
  Settle(node);
  return {node->open, nullptr};
}

std::shared_ptr<OpenFile> InodeTable::Opened(const NodePtr& node) const {
  std::lock_guard lock(mutex_);
  return node->open;
}

std::shared_ptr<OpenFile> InodeTable::Close(const NodePtr& node) {
  std::lock_guard lock(mutex_);
  if (node->opens > 1) {
    --node->opens;
    return nullptr;
  }
  node->closing = std::make_shared<Event>();
  return node->open;
}

void InodeTable::Closed(const NodePtr& node) {
  std::shared_ptr<Event> waiting;
  {
    std::lock_guard lock(mutex_);
    node->opens = 0;
    node->open = nullptr;
    waiting = std::exchange(node->closing, nullptr);
    Settle(node);
  }
  waiting->Set();
}

std::vector<NodePtr> InodeTable::OpenNodes() const {
  std::lock_guard lock(mutex_);
  std::vector<NodePtr> out;
  for (const auto& [number, node] : nodes_) {
    if (node->open != nullptr) out.push_back(node);
  }
  return out;
}

bool InodeTable::ExchangePages(const NodePtr& node, const ETag& etag) {
  std::lock_guard lock(mutex_);
  return !etag.empty() && std::exchange(node->pages, etag) == etag;
}

void InodeTable::RestampPages(const NodePtr& node, const ETag& from, const ETag& to) {
  std::lock_guard lock(mutex_);
  if (node->pages == from) node->pages = to;
}

bool InodeTable::MarkHeld(const NodePtr& node) {
  std::lock_guard lock(mutex_);
  return !std::exchange(node->held, true);
}

bool InodeTable::UnmarkHeld(const NodePtr& node) {
  std::lock_guard lock(mutex_);
  return std::exchange(node->held, false);
}

}  // namespace forebay::vfs
