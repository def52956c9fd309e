// Nodes: files and directories as the POSIX extensions address them, by path, by directory and
// name, or by number (docs/posix-extensions.md). Hierarchical containers only.
//
// Inside a transaction or on a snapshot; value types. Errors of the finders: kContainerNotFound,
// kHierarchicalNamespaceNotEnabled, kPathNotFound, kNotADirectory, kFileGone, kInvalidResourceName,
// kFileNameTooLong, kConditionNotMet, kNameUnknown (engine/look_up.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "azure/conditions.h"
#include "azure/posix.h"
#include "engine/commit.h"
#include "engine/services.h"
#include "engine/target.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::engine {

// How a request names a node. With `directory` only the last component of `path` counts; with
// `inode` the path is where to look for a file that has no place of its own.
struct NodeTarget {
  ContainerTarget container;
  std::string path;            // without slashes at its ends; empty: the root
  meta::InodeId inode{0};      // 0: not given
  meta::InodeId directory{0};  // 0: not given
  meta::InodeId expected{0};   // another node there is kConditionNotMet; 0: any
  azure::Conditions conditions = {};
};

struct Node {
  meta::ContainerRecord container;
  meta::InodeId inode;
  meta::InodeId parent{0};  // 0: the root, or a file without a name
  std::string entry_key;    // empty: no name, or the root
  std::string path;         // empty: the root, or a file without a name
  meta::BlobRecord record;  // of the root: made up, and kept apart once it is changed
  bool root = false;
};

// A place for a name, which may be empty.
struct Spot {
  meta::ContainerRecord container;
  meta::InodeId parent;
  std::string component;
  std::string entry_key;
  std::string path;
  std::optional<meta::BlobRecord> existing;  // links resolved
};

// Conditions and leases are not looked at.
Result<Node> FindNode(const kv::Reader& reader, const NodeTarget& target);
Result<Spot> FindSpot(const kv::Reader& reader, const NodeTarget& target);
// The directory that a spot lies in.
Result<Node> ParentOf(const kv::Reader& reader, const Spot& spot);
Result<Node> RootNode(const kv::Reader& reader, const ContainerTarget& target);
// What stands at the spot, which is not empty, as a node.
Node NodeAt(const Spot& spot);

// kIsADirectory.
Result<> RequireFileNode(const Node& node);
// The container's lake lets clients write, the lease and conditions hold, no copy is pending.
Result<> CheckWriteNode(const Node& node, const azure::Conditions& conditions, WallTime now);
Result<> CheckReadNode(const Node& node, const azure::Conditions& conditions);

// As operations on blobs see it; its name is empty where the file has none.
Place PlaceOfNode(const Node& node);

// Writes the record back to where it lies. The root's access goes to its container.
Result<> PutNode(Services& services, kv::Transaction& txn, const NodeTarget& target,
                 const Node& node);

// From now on the file is found by its number, whatever becomes of its name.
Result<> GivePlace(Services& services, kv::Transaction& txn, const NodeTarget& target, Node& node);

// `with_target`: of a symbolic link, whose content is read.
Result<azure::PosixAttributes> AttributesOf(const kv::Reader& reader, const Node& node,
                                            bool with_target);
// Of an entry of a listing.
Result<azure::PosixAttributes> AttributesOf(const kv::Reader& reader, meta::ContainerId container,
                                            const meta::BlobRecord& record, bool with_target);

// The content of a small body, which lies in the key-value store or is empty. kInvalidInput for
// one that is stored elsewhere.
Result<std::string> InlineContent(const kv::Reader& reader, const meta::BlobRecord& record);

}  // namespace forebay::engine
