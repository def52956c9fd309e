#include "meta/hierarchical_cursor.h"

#include <algorithm>

#include "base/codec.h"
#include "meta/keys.h"
#include "meta/nodes.h"
#include "meta/path.h"

namespace forebay::meta {

HierarchicalCursor::HierarchicalCursor(const kv::Reader& reader, ContainerId container,
                                       std::string_view prefix)
    : reader_(reader), container_(container), prefix_(prefix) {
  const std::size_t slash = prefix_.rfind('/');
  base_ = slash == std::string::npos ? std::string() : prefix_.substr(0, slash + 1);
  base_depth_ = static_cast<std::size_t>(std::ranges::count(base_, '/'));
  if (!ResolveBase()) return;
  name_ = base_;
  Enter(*inode_, base_.size(), std::string_view(prefix_).substr(base_.size()));
  Settle();
}

bool HierarchicalCursor::ResolveBase() {
  InodeId inode = kRootInode;
  std::vector<std::string_view> components = SplitPath(base_);
  components.pop_back();  // what follows the last slash belongs to the listing
  for (const std::string_view component : components) {
    auto value = reader_.Get(keys::Entry(container_, inode, component));
    if (!value) return StopWith(std::move(value.error())), false;
    if (!*value) return false;
    auto record = DecodeBlob(**value);
    if (!record) return StopWith(std::move(record.error())), false;
    if (!record->directory) return false;
    inode = *record->directory;
  }
  inode_ = inode;
  return true;
}

void HierarchicalCursor::Enter(InodeId inode, std::size_t path_bytes,
                               std::string_view component_prefix) {
  Level level;
  level.begin = keys::Entry(container_, inode, component_prefix);
  level.scan = reader_.Scan(level.begin, PrefixEnd(level.begin));
  level.inode = inode;
  level.path_bytes = path_bytes;
  levels_.push_back(std::move(level));
}

std::optional<InodeId> HierarchicalCursor::CurrentDirectory() {
  auto record = DecodeBlob(levels_.back().scan->value());
  if (!record) {
    StopWith(std::move(record.error()));
    return std::nullopt;
  }
  return record->directory;
}

void HierarchicalCursor::Settle() {
  while (!levels_.empty() && !levels_.back().scan->Valid()) {
    if (auto status = levels_.back().scan->status(); !status) {
      return StopWith(std::move(status.error()));
    }
    levels_.pop_back();
    if (!levels_.empty()) levels_.back().scan->Next();
  }
  if (levels_.empty()) return;
  const Level& level = levels_.back();
  name_.resize(level.path_bytes);
  name_.append(keys::ComponentOfEntryKey(level.scan->key()));
}

void HierarchicalCursor::Next() {
  const std::optional<InodeId> directory = CurrentDirectory();
  if (levels_.empty()) return;  // the record did not decode
  if (directory) {
    name_.push_back('/');
    Enter(*directory, name_.size(), {});
  } else {
    levels_.back().scan->Next();
  }
  Settle();
}

void HierarchicalCursor::SeekInLevel(std::string_view component) {
  Level& level = levels_.back();
  const std::string key = keys::Entry(container_, level.inode, component);
  level.scan->Seek(key < level.begin ? level.begin : key);
}

void HierarchicalCursor::Seek(std::string_view name) {
  if (!inode_) return;
  levels_.clear();
  name_ = base_;
  const std::vector<std::string_view> wanted = SplitPath(name);
  const std::vector<std::string_view> base = SplitPath(base_);
  Enter(*inode_, base_.size(), std::string_view(prefix_).substr(base_.size()));
  std::size_t at = 0;
  for (; at < base_depth_; ++at) {
    // A name that ends above the base directory, or sorts before it, is before the whole listing.
    if (at == wanted.size() || wanted[at] < base[at]) {
      levels_.back().scan->Seek(levels_.back().begin);
      return Settle();
    }
    if (wanted[at] > base[at]) return levels_.clear();
  }
  if (at == wanted.size()) {
    levels_.back().scan->Seek(levels_.back().begin);
    return Settle();
  }
  for (;; ++at) {
    SeekInLevel(wanted[at]);
    Level& level = levels_.back();
    const bool found =
        level.scan->Valid() && keys::ComponentOfEntryKey(level.scan->key()) == wanted[at];
    if (!found || at + 1 == wanted.size()) break;
    // The wanted name is below this entry, and so after it.
    const std::optional<InodeId> directory = CurrentDirectory();
    if (levels_.empty()) return;
    if (!directory) {
      level.scan->Next();
      break;
    }
    name_.append(wanted[at]).push_back('/');
    Enter(*directory, name_.size(), {});
  }
  Settle();
}

void HierarchicalCursor::SkipPrefix(std::string_view prefix) {
  if (levels_.empty()) return;
  std::vector<std::string_view> components = SplitPath(prefix);
  const bool whole_directory = components.size() > 1 && components.back().empty();
  if (whole_directory) components.pop_back();
  // The prefix's last component belongs to the level of that depth; deeper ones are left behind.
  if (components.size() <= base_depth_) return levels_.clear();
  const std::size_t depth = components.size() - base_depth_;
  if (levels_.size() > depth) levels_.resize(depth);
  Level& level = levels_.back();
  if (whole_directory) {
    level.scan->Next();
  } else {
    level.scan->Seek(PrefixEnd(keys::Entry(container_, level.inode, components.back())));
  }
  Settle();
}

Result<BlobRecord> HierarchicalCursor::record() const {
  FB_ASSIGN_OR_RETURN(BlobRecord entry, DecodeBlob(levels_.back().scan->value()));
  return ResolveLink(reader_, container_, std::move(entry));
}

void HierarchicalCursor::StopWith(Error error) {
  status_ = Fail(std::move(error));
  levels_.clear();
}

}  // namespace forebay::meta
