#include "engine/node.h"

#include <algorithm>
#include <vector>

#include "base/encoding.h"
#include "engine/get_container.h"
#include "engine/look_up.h"
#include "engine/path_access.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/path.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

std::unexpected<Error> Missing() {
  return Fail(Code::kPathNotFound, "The specified path does not exist.");
}
std::unexpected<Error> NoDirectory() {
  return Fail(Code::kNotADirectory, "A component of the path is not a directory.");
}
std::unexpected<Error> Gone() { return Fail(Code::kFileGone, "The file is no longer there."); }

Result<> CheckComponent(std::string_view component) {
  if (component.empty() || component == "." || component == "..") {
    return Fail(Code::kInvalidResourceName, "No part of a path may be empty, '.' or '..'.");
  }
  if (component.size() > azure::kMaxPosixNameBytes) {
    return Fail(Code::kFileNameTooLong, "A name may have at most 255 bytes.");
  }
  if (component.find('\0') != std::string_view::npos || !IsValidUtf8(component)) {
    return Fail(Code::kInvalidResourceName, "A name is well-formed UTF-8 without NUL.");
  }
  return {};
}

Result<std::vector<std::string_view>> Components(std::string_view path) {
  if (path.size() > azure::kMaxPosixPathBytes) {
    return Fail(Code::kFileNameTooLong, "A path may have at most 4,096 bytes.");
  }
  std::vector<std::string_view> components = meta::SplitPath(path);
  for (const std::string_view component : components) {
    FB_RETURN_IF_ERROR(CheckComponent(component));
  }
  return components;
}

Result<meta::ContainerRecord> ContainerOf(const kv::Reader& reader, const ContainerTarget& target) {
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord container,
                      RequireContainer(reader, target.account.name, target.container));
  if (container.hierarchical) return container;
  return Fail(Code::kHierarchicalNamespaceNotEnabled,
              "Hierarchical namespace is not enabled for this account.");
}

Result<std::optional<meta::BlobRecord>> EntryAt(const kv::Reader& reader,
                                                meta::ContainerId container,
                                                const std::string& key) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(key));
  if (!stored) return std::optional<meta::BlobRecord>();
  FB_ASSIGN_OR_RETURN(meta::BlobRecord entry, meta::DecodeBlob(*stored));
  FB_ASSIGN_OR_RETURN(meta::BlobRecord record,
                      meta::ResolveLink(reader, container, std::move(entry)));
  return std::optional(std::move(record));
}

// The directory that the last component lies in.
Result<meta::InodeId> WalkToParent(const kv::Reader& reader, const meta::ContainerRecord& container,
                                   const std::vector<std::string_view>& components) {
  meta::InodeId inode = meta::kRootInode;
  std::string path;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    path += components[i];
    FB_ASSIGN_OR_RETURN(
        auto entry, EntryAt(reader, container.id, keys::Entry(container.id, inode, components[i])));
    if (!entry) {
      if (container.lake.importing)
        FB_RETURN_IF_ERROR(CheckAbsenceIsKnown(reader, container, path));
      return Missing();
    }
    if (!entry->directory) return NoDirectory();
    inode = *entry->directory;
    path += '/';
  }
  return inode;
}

// With `directory` given: it must hang in the tree, or what is made in it would be swept away.
Result<> PlaceInDirectory(const kv::Reader& reader, const NodeTarget& target, Spot& spot) {
  spot.parent = target.directory;
  FB_ASSIGN_OR_RETURN(auto path,
                      meta::PathIn(reader, spot.container.id, spot.parent, spot.component));
  if (!path) return Gone();
  if (spot.parent != meta::kRootInode) {
    FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Directory(spot.parent)));
    if (!stored) return NoDirectory();  // a file's number
  }
  spot.path = std::move(*path);
  return {};
}

Result<> CheckExpected(const NodeTarget& target, meta::InodeId found) {
  if (target.expected.value() == 0 || target.expected == found) return {};
  return Fail(Code::kConditionNotMet, "Another file has the name now.");
}

Result<Node> FindByNumber(const kv::Reader& reader, const NodeTarget& target,
                          meta::ContainerRecord container) {
  Node node;
  node.inode = target.inode;
  FB_ASSIGN_OR_RETURN(auto apart, reader.Get(keys::Node(container.id, target.inode)));
  FB_ASSIGN_OR_RETURN(auto location, meta::LocationOf(reader, container.id, target.inode));
  if (apart) {
    FB_ASSIGN_OR_RETURN(node.record, meta::DecodeBlob(*apart));
    node.container = std::move(container);
    return node;
  }
  if (!location) return Gone();
  FB_ASSIGN_OR_RETURN(auto entry, EntryAt(reader, container.id, location->entry_key));
  if (!entry || meta::InodeOf(*entry) != target.inode) return Gone();
  node.container = std::move(container);
  node.parent = location->parent;
  node.entry_key = std::move(location->entry_key);
  node.path = std::move(location->path);
  node.record = std::move(*entry);
  return node;
}

}  // namespace

Result<Node> RootNode(const kv::Reader& reader, const ContainerTarget& target) {
  Node node;
  node.root = true;
  node.inode = meta::kRootInode;
  FB_ASSIGN_OR_RETURN(node.container, ContainerOf(reader, target));
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Node(node.container.id, meta::kRootInode)));
  if (stored) {
    FB_ASSIGN_OR_RETURN(node.record, meta::DecodeBlob(*stored));
  } else {
    node.record.created = node.container.created;
    node.record.modified = node.container.created;
    node.record.etag = node.container.etag;
  }
  node.record.directory = meta::kRootInode;
  node.record.access = RootAccessOf(node.container);
  return node;
}

Result<Spot> FindSpot(const kv::Reader& reader, const NodeTarget& target) {
  Spot spot;
  FB_ASSIGN_OR_RETURN(spot.container, ContainerOf(reader, target.container));
  if (target.path.empty()) {
    return Fail(Code::kOperationNotPermitted, "The root directory is no name that can change.");
  }
  FB_ASSIGN_OR_RETURN(const auto components, Components(target.path));
  spot.component = std::string(components.back());
  if (target.directory.value() != 0) {
    FB_RETURN_IF_ERROR(PlaceInDirectory(reader, target, spot));
  } else {
    FB_ASSIGN_OR_RETURN(spot.parent, WalkToParent(reader, spot.container, components));
    spot.path = target.path;
  }
  spot.entry_key = keys::Entry(spot.container.id, spot.parent, spot.component);
  FB_ASSIGN_OR_RETURN(spot.existing, EntryAt(reader, spot.container.id, spot.entry_key));
  if (!spot.existing && spot.container.lake.importing) {
    FB_RETURN_IF_ERROR(CheckAbsenceIsKnown(reader, spot.container, spot.path));
  }
  return spot;
}

Node NodeAt(const Spot& spot) {
  Node node;
  node.container = spot.container;
  node.inode = meta::InodeOf(*spot.existing);
  node.parent = spot.parent;
  node.entry_key = spot.entry_key;
  node.path = spot.path;
  node.record = *spot.existing;
  return node;
}

Result<Node> FindNode(const kv::Reader& reader, const NodeTarget& target) {
  const bool by_number = target.inode.value() != 0;
  const bool root = by_number ? target.inode == meta::kRootInode
                              : target.path.empty() && target.directory.value() == 0;
  if (root) return RootNode(reader, target.container);
  if (!by_number && target.path.empty()) {
    NodeTarget directory = target;
    directory.inode = target.directory;
    return FindNode(reader, directory);
  }
  if (by_number) {
    FB_ASSIGN_OR_RETURN(meta::ContainerRecord container, ContainerOf(reader, target.container));
    auto node = FindByNumber(reader, target, std::move(container));
    if (node || node.error().code() != Code::kFileGone || target.path.empty()) return node;
  }
  auto spot = FindSpot(reader, target);
  if (!spot || !spot->existing) {
    if (!spot && spot.error().code() != Code::kPathNotFound &&
        spot.error().code() != Code::kNotADirectory) {
      return Fail(std::move(spot.error()));
    }
    if (by_number) return Gone();
    return spot ? Missing() : Fail(std::move(spot.error()));
  }
  Node node = NodeAt(*spot);
  if (by_number && node.inode != target.inode) return Gone();
  FB_RETURN_IF_ERROR(CheckExpected(target, node.inode));
  return node;
}

Result<Node> ParentOf(const kv::Reader& reader, const Spot& spot) {
  Node node;
  node.container = spot.container;
  node.inode = spot.parent;
  if (spot.parent == meta::kRootInode) {
    node.root = true;
    node.record.directory = meta::kRootInode;
    node.record.access = RootAccessOf(spot.container);
    FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Node(spot.container.id, meta::kRootInode)));
    if (stored) {
      FB_ASSIGN_OR_RETURN(const meta::BlobRecord kept, meta::DecodeBlob(*stored));
      node.record.metadata = kept.metadata;
    }
    return node;
  }
  FB_ASSIGN_OR_RETURN(auto location, meta::LocationOf(reader, spot.container.id, spot.parent));
  if (!location) return Gone();
  FB_ASSIGN_OR_RETURN(auto entry, EntryAt(reader, spot.container.id, location->entry_key));
  if (!entry || !entry->directory) return Gone();
  node.parent = location->parent;
  node.entry_key = std::move(location->entry_key);
  node.path = std::move(location->path);
  node.record = std::move(*entry);
  return node;
}

Result<> RequireFileNode(const Node& node) {
  if (!node.record.directory) return {};
  return Fail(Code::kIsADirectory, "The path names a directory.");
}

Place PlaceOfNode(const Node& node) {
  Place place;
  place.container = node.container;
  place.name = node.path;
  place.existing = node.record;
  return place;
}

Result<> CheckWriteNode(const Node& node, const azure::Conditions& conditions, WallTime now) {
  const Place place = PlaceOfNode(node);
  FB_RETURN_IF_ERROR(CheckWriteAt(place, conditions, now));
  return CheckNoPendingCopy(place);
}

Result<> CheckReadNode(const Node& node, const azure::Conditions& conditions) {
  if (conditions.empty()) return {};
  return azure::CheckRead(conditions, SubjectOf(node.record));
}

Result<> PutNode(Services&, kv::Transaction& txn, const NodeTarget& target, const Node& node) {
  if (!node.root) {
    meta::PutRecord(txn, node.container.id, node.entry_key, node.record);
    return {};
  }
  meta::ContainerRecord container = node.container;
  container.root_access = StoredAccess(*node.record.access, /*directory=*/true);
  if (container.root_access != node.container.root_access) {
    txn.Put(
        keys::Container(target.container.account.name.view(), target.container.container.view()),
        meta::Encode(container));
  }
  meta::BlobRecord kept = node.record;
  kept.access.reset();
  txn.Put(keys::Node(container.id, meta::kRootInode), meta::Encode(kept));
  return {};
}

Result<> GivePlace(Services& services, kv::Transaction& txn, const NodeTarget& target, Node& node) {
  if (node.record.node.placed || node.root) return {};
  node.record.node.placed = true;
  const auto slash = node.path.rfind('/');
  const std::string name = slash == std::string::npos ? node.path : node.path.substr(slash + 1);
  txn.Put(keys::Place(node.container.id, node.inode),
          meta::Encode(meta::DirectoryRecord{node.container.id, node.parent, name}));
  return PutNode(services, txn, target, node);
}

Result<std::string> InlineContent(const kv::Reader& reader, const meta::BlobRecord& record) {
  std::string content;
  if (record.body.paged || record.body.in_lake) {
    return Fail(Code::kInvalidInput, "The content is too long for what it is said to be.");
  }
  for (const meta::Extent& extent : record.body.direct) {
    if (!extent.is_inline()) {
      return Fail(Code::kInvalidInput, "The content is too long for what it is said to be.");
    }
    FB_ASSIGN_OR_RETURN(auto piece,
                        reader.Get(kv::Space::kInline, keys::InlinePiece(extent.chunk.sequence)));
    if (!piece || piece->size() < std::size_t{extent.offset} + extent.length) {
      return Fail(Code::kCorruption,
                  "Inline piece " + std::to_string(extent.chunk.sequence) + " is missing.");
    }
    content += piece->substr(extent.offset, extent.length);
  }
  return content;
}

Result<azure::PosixAttributes> AttributesOf(const kv::Reader& reader, meta::ContainerId container,
                                            const meta::BlobRecord& record, bool with_target) {
  azure::PosixAttributes out;
  azure::ReadStored(record.metadata, record.access, record.directory.has_value(),
                    {meta::Nanoseconds(record.created), meta::Nanoseconds(record.modified)}, out);
  out.inode = meta::InodeOf(record).value();
  out.nlink = record.node.links;
  out.size = record.directory ? 0 : record.length;
  out.used = out.size - std::min(out.size, record.holes);
  out.etag = azure::MakeETag(record.etag.value()).str();
  out.has = record.node.attributes ? azure::kHasXattrs : 0;
  if (record.access) {
    for (const azure::AclEntry& entry : record.access->extended) {
      out.has |= entry.is_default ? azure::kHasDefaultAcl : azure::kHasAccessAcl;
    }
  }
  if (record.directory) {
    FB_ASSIGN_OR_RETURN(const auto changed,
                        meta::DirectoryTimeOf(reader, container, *record.directory));
    if (changed) {
      out.mtime = *changed;
      out.ctime = std::max(out.ctime, *changed);
    }
  }
  if (with_target && out.kind == azure::FileKind::kSymlink) {
    auto target = InlineContent(reader, record);
    if (target) {
      out.target = std::move(*target);
    } else if (target.error().code() != Code::kInvalidInput) {
      return Fail(std::move(target.error()));
    }
  }
  return out;
}

Result<azure::PosixAttributes> AttributesOf(const kv::Reader& reader, const Node& node,
                                            bool with_target) {
  return AttributesOf(reader, node.container.id, node.record, with_target);
}

}  // namespace forebay::engine
