#include "engine/node_attributes.h"

#include <memory>

#include "base/codec.h"
#include "engine/change_log.h"
#include "engine/lazy.h"
#include "engine/look_up.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Pages up to this size are short enough to be read on an event loop when they are cached.
constexpr std::size_t kMaxInlineEntries = 64;
constexpr std::size_t kCheckEvery = 256;

Result<NodeStatus> Stat(const kv::Reader& reader, const NodeTarget& target) {
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, target));
  FB_RETURN_IF_ERROR(CheckReadNode(node, target.conditions));
  NodeStatus status;
  FB_ASSIGN_OR_RETURN(status.attributes, AttributesOf(reader, node, /*with_target=*/true));
  status.modified = node.record.modified;
  return status;
}

Result<ListNodesResult> List(const kv::Reader& reader, const OpContext& context,
                             const ListNodesRequest& request) {
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, request.directory));
  if (!node.record.directory) {
    return Fail(Code::kNotADirectory, "The path does not name a directory.");
  }
  if (node.container.lake.importing) {
    return Fail(Code::kServerBusy, "The container's names are still coming in from its lake.");
  }
  const meta::ContainerId container = node.container.id;
  const std::string prefix = keys::EntriesOf(container, *node.record.directory);
  const std::string begin =
      request.after.empty() ? prefix
                            : keys::Entry(container, *node.record.directory, request.after) + '\0';
  ListNodesResult result;
  auto it = reader.Scan(begin, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    if (result.entries.size() == request.max_results) {
      result.more = true;
      break;
    }
    if (result.entries.size() % kCheckEvery == 0) FB_RETURN_IF_ERROR(context.Check());
    FB_ASSIGN_OR_RETURN(meta::BlobRecord entry, meta::DecodeBlob(it->value()));
    FB_ASSIGN_OR_RETURN(const meta::BlobRecord record,
                        meta::ResolveLink(reader, container, std::move(entry)));
    FB_ASSIGN_OR_RETURN(azure::PosixAttributes attributes,
                        AttributesOf(reader, container, record, /*with_target=*/true));
    attributes.name = std::string(keys::ComponentOfEntryKey(it->key()));
    result.entries.push_back(std::move(attributes));
  }
  FB_RETURN_IF_ERROR(it->status());
  return result;
}

// What others set of a node's attributes travels to its lake as metadata.
Result<> NoteAttributes(Services& services, kv::Transaction& txn, Node& node) {
  if (node.root || node.path.empty()) return {};
  const Place place = PlaceOfNode(node);
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, node.container));
  return NoteChange(services, txn, place, meta::ChangeKind::kMetadata, mark, node.record);
}

Result<azure::PosixAttributes> Set(Services& services, kv::Transaction& txn,
                                   const SetNodeRequest& request, WallTime now, std::string& path) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, request.target));
  path = node.path;
  FB_RETURN_IF_ERROR(CheckWriteNode(node, request.target.conditions, now));
  const bool directory = node.record.directory.has_value();
  meta::BlobRecord& record = node.record;
  if (!request.acl.empty()) {
    azure::AccessControl access = record.access.value_or(azure::AccessControl::Default(directory));
    FB_RETURN_IF_ERROR(azure::SetAcl(access, request.acl, directory));
    record.access = std::move(access);
  }
  azure::ApplyPosixChanges(request.set, directory, meta::Nanoseconds(now), record.metadata,
                           record.access);
  FB_RETURN_IF_ERROR(NoteAttributes(services, txn, node));
  FB_RETURN_IF_ERROR(PutNode(services, txn, request.target, node));
  FB_ASSIGN_OR_RETURN(azure::PosixAttributes attributes,
                      AttributesOf(txn, node, /*with_target=*/false));
  if (directory && (request.set.mtime || request.set.mtime_now)) {
    // A directory's time is where its entries move it forward from.
    attributes.mtime = request.set.mtime.value_or(meta::Nanoseconds(now));
    txn.Put(keys::DirectoryTime(node.container.id, node.inode),
            Encoder().U64(static_cast<std::uint64_t>(attributes.mtime)).Take());
  }
  return attributes;
}

}  // namespace

Task<NodeStatus> StatNode(Services& services, OpContext context, NodeTarget target) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMeta(
      services, [&target](const kv::Reader& reader) { return Stat(reader, target); }, context);
}

Task<ListNodesResult> ListNodes(Services& services, OpContext context, ListNodesRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto read = [&request, &context](const kv::Reader& reader) {
    return List(reader, context, request);
  };
  if (request.max_results <= kMaxInlineEntries)
    co_return co_await ReadMeta(services, read, context);
  co_return co_await ReadMetaOnPool(services, read);
}

Task<azure::PosixAttributes> SetNode(Services& services, OpContext context,
                                     SetNodeRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  if (request.set.kind || request.set.rdev || request.set.target) {
    co_return Fail(Code::kInvalidInput, "What a node is does not change.");
  }
  const auto out = std::make_shared<azure::PosixAttributes>();
  const auto path = std::make_shared<std::string>();
  const ContainerTarget container = request.target.container;
  const bool lazy = request.lazy;
  FB_CO_RETURN_IF_ERROR(co_await TransactNodeAcknowledged(
      services, context, container, lazy, path,
      [&services, request = std::move(request), now = services.clock.Now(), out,
       path](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*out, Set(services, txn, request, now, *path));
        return {};
      }));
  co_return std::move(*out);
}

}  // namespace forebay::engine
