// Extended attributes of nodes; see node_attributes.h.
#include <memory>

#include "azure/posix_acl.h"
#include "base/codec.h"
#include "base/encoding.h"
#include "engine/change_log.h"
#include "engine/lazy.h"
#include "engine/look_up.h"
#include "engine/node_attributes.h"
#include "engine/path_access.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kMaxNameBytes = 255;

std::unexpected<Error> NoAttribute() {
  return Fail(Code::kAttributeNotFound, "The extended attribute does not exist.");
}

bool IsAcl(std::string_view name) {
  return name == azure::kAclAccessXattr || name == azure::kAclDefaultXattr;
}

Result<> CheckName(std::string_view name) {
  if (IsAcl(name)) return {};
  for (const std::string_view family : {"user.", "trusted.", "security."}) {
    if (name == family) return Fail(Code::kInvalidInput, "The attribute has no name.");
    if (name.starts_with(family)) {
      if (name.size() <= kMaxNameBytes && name.find('\0') == std::string_view::npos) return {};
      return Fail(Code::kAttributeTooLarge, "An attribute's name has at most 255 bytes.");
    }
  }
  return Fail(Code::kUnsupported, "Attributes are called user.…, trusted.… or security.….");
}

struct Change {
  NodeTarget target;
  std::string name;
  std::string value;
  XattrMode mode = XattrMode::kSet;
  bool remove = false;
  bool lazy = false;
  WallTime now;
};

// The ACLs are no bytes of their own.
Result<> ChangeAcl(const Change& change, Node& node) {
  const bool directory = node.record.directory.has_value();
  const bool defaults = change.name == azure::kAclDefaultXattr;
  azure::AccessControl access = AccessOf(node.record);
  if (change.remove || (defaults && change.value.size() <= 4)) {
    azure::RemoveKernelAcl(access, defaults);
  } else {
    FB_RETURN_IF_ERROR(azure::ReplaceAcl(access, change.value, defaults, directory));
  }
  node.record.access = std::move(access);
  return {};
}

// What the node has with the change made, within the bounds.
Result<> CheckBounds(const kv::Reader& reader, const Node& node, const Change& change) {
  std::size_t count = 1;
  std::size_t bytes = change.name.size() + change.value.size();
  const std::string prefix = keys::XattrsOf(node.container.id, node.inode);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    const std::string_view name = keys::NameOfXattrKey(it->key());
    if (name == change.name) continue;
    ++count;
    bytes += name.size() + it->value().size();
  }
  FB_RETURN_IF_ERROR(it->status());
  if (count <= kMaxXattrs && bytes <= kMaxXattrTotal) return {};
  return Fail(Code::kAttributeTooLarge,
              "A file has at most 256 extended attributes, of 1 MiB together.");
}

Result<> ChangeValue(kv::Transaction& txn, const Change& change, Node& node) {
  const std::string key = keys::Xattr(node.container.id, node.inode, change.name);
  FB_ASSIGN_OR_RETURN(const auto old, txn.Get(key));
  if (change.remove) {
    if (!old) return NoAttribute();
    txn.Erase(key);
    return {};
  }
  if (change.mode == XattrMode::kCreate && old) {
    return Fail(Code::kResourceAlreadyExists, "The extended attribute exists.");
  }
  if (change.mode == XattrMode::kReplace && !old) return NoAttribute();
  FB_RETURN_IF_ERROR(CheckBounds(txn, node, change));
  txn.Put(key, change.value);
  node.record.node.attributes = true;
  return {};
}

Result<> Apply(Services& services, kv::Transaction& txn, const Change& change) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, change.target));
  FB_RETURN_IF_ERROR(CheckWriteNode(node, change.target.conditions, change.now));
  if (IsAcl(change.name)) {
    FB_RETURN_IF_ERROR(ChangeAcl(change, node));
  } else {
    FB_RETURN_IF_ERROR(ChangeValue(txn, change, node));
  }
  azure::TouchChanged(meta::Nanoseconds(change.now), node.record.metadata);
  return PutNode(services, txn, change.target, node);
}

Task<> Commit(Services& services, OpContext context, Change change) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(CheckName(change.name));
  if (change.value.size() > kMaxXattrBytes) {
    co_return Fail(Code::kAttributeTooLarge, "An extended attribute has at most 65,536 bytes.");
  }
  if (!change.remove) FB_CO_RETURN_IF_ERROR(co_await services.AwaitRoom(Growth::kBytes, context));
  change.now = services.clock.Now();
  const ContainerTarget container = change.target.container;
  const bool lazy = change.lazy;
  co_return co_await TransactNode(services, context, container, lazy,
                                  [&services, change = std::move(change)](kv::Transaction& txn) {
                                    return Apply(services, txn, change);
                                  });
}

Result<std::vector<XattrEntry>> List(const kv::Reader& reader, const NodeTarget& target) {
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, target));
  std::vector<XattrEntry> entries;
  if (node.record.access) {
    for (const bool defaults : {false, true}) {
      const std::string acl = azure::EncodeKernelAcl(*node.record.access, defaults);
      if (acl.empty()) continue;
      entries.push_back(
          {std::string(defaults ? azure::kAclDefaultXattr : azure::kAclAccessXattr), acl.size()});
    }
  }
  if (!node.record.node.attributes) return entries;
  const std::string prefix = keys::XattrsOf(node.container.id, node.inode);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    entries.push_back({std::string(keys::NameOfXattrKey(it->key())), it->value().size()});
  }
  FB_RETURN_IF_ERROR(it->status());
  return entries;
}

Result<std::string> Get(const kv::Reader& reader, const NodeTarget& target,
                        const std::string& name) {
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, target));
  if (IsAcl(name)) {
    std::string acl;
    if (node.record.access) {
      acl = azure::EncodeKernelAcl(*node.record.access, name == azure::kAclDefaultXattr);
    }
    if (acl.empty()) return NoAttribute();
    return acl;
  }
  if (!node.record.node.attributes) return NoAttribute();
  FB_ASSIGN_OR_RETURN(auto value, reader.Get(keys::Xattr(node.container.id, node.inode, name)));
  if (!value) return NoAttribute();
  return std::move(*value);
}

}  // namespace

Task<std::vector<XattrEntry>> ListXattrs(Services& services, OpContext context, NodeTarget target) {
  co_return co_await ReadMeta(
      services, [&target](const kv::Reader& reader) { return List(reader, target); }, context);
}

Task<std::string> GetXattr(Services& services, OpContext context, NodeTarget target,
                           std::string name) {
  FB_CO_RETURN_IF_ERROR(CheckName(name));
  co_return co_await ReadMeta(
      services, [&](const kv::Reader& reader) { return Get(reader, target, name); }, context);
}

Task<> SetXattr(Services& services, OpContext context, NodeTarget target, std::string name,
                std::string value, XattrMode mode, bool lazy) {
  Change change;
  change.target = std::move(target);
  change.name = std::move(name);
  change.value = std::move(value);
  change.mode = mode;
  change.lazy = lazy;
  co_return co_await Commit(services, std::move(context), std::move(change));
}

Task<> RemoveXattr(Services& services, OpContext context, NodeTarget target, std::string name,
                   bool lazy) {
  Change change;
  change.target = std::move(target);
  change.name = std::move(name);
  change.remove = true;
  change.lazy = lazy;
  co_return co_await Commit(services, std::move(context), std::move(change));
}

}  // namespace forebay::engine
