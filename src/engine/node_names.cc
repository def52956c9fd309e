#include "engine/node_names.h"

#include <memory>

#include "base/codec.h"
#include "engine/change_log.h"
#include "engine/lazy.h"
#include "engine/look_up.h"
#include "engine/path_access.h"
#include "engine/references.h"
#include "engine/release_node.h"
#include "engine/remove_record.h"
#include "meta/hierarchy.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/tag_index.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

template <class Request>
struct Commit {
  Request request;
  WallTime now;
  NodeChange done;
  std::string path;  // that was changed
};

std::unexpected<Error> Exists() {
  return Fail(Code::kPathAlreadyExists, "The specified path already exists.");
}
std::unexpected<Error> Missing() {
  return Fail(Code::kPathNotFound, "The specified path does not exist.");
}

Result<> Answer(const kv::Reader& reader, meta::ContainerId container,
                const meta::BlobRecord& record, NodeChange& done) {
  FB_ASSIGN_OR_RETURN(done.attributes,
                      AttributesOf(reader, container, record, /*with_target=*/false));
  return {};
}

Result<> Repeated(const kv::Reader& reader, const Spot& spot, NodeChange& done) {
  done.repeated = true;
  if (!spot.existing) {
    done.attributes.nlink = 0;
    return {};
  }
  return Answer(reader, spot.container.id, *spot.existing, done);
}

Result<> Link(Services&, kv::Transaction& txn, Commit<LinkNodeRequest>& commit) {
  commit.done = {};
  const LinkNodeRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(const Spot spot, FindSpot(txn, request.target));
  FB_RETURN_IF_ERROR(CheckMayChange(spot.container));
  FB_ASSIGN_OR_RETURN(const bool was_done, WasDone(txn, spot.container.id, request.token));
  if (was_done && spot.existing) return Repeated(txn, spot, commit.done);
  if (spot.container.lake.mirrors()) {
    return Fail(Code::kUnsupported,
                "A lake holds no hard links: the container is attached to one.");
  }
  if (spot.existing) return Exists();
  NodeTarget from = request.target;
  from.path = request.from_path;
  from.directory = meta::InodeId(0);
  from.inode = request.from;
  FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, from));
  if (node.record.directory) {
    return Fail(Code::kOperationNotPermitted, "A directory has one name.");
  }
  FB_RETURN_IF_ERROR(CheckWriteNode(node, request.target.conditions, commit.now));
  if (node.record.node.links == 0) return Fail(Code::kFileGone, "The file has no name any more.");
  if (node.record.node.links >= kMaxLinks) {
    return Fail(Code::kTooManyLinks, "The file has as many names as it may have.");
  }
  meta::BlobRecord& record = node.record;
  // From here on it is found by its number among the nodes.
  if (!record.node.apart) txn.Erase(keys::Place(spot.container.id, node.inode));
  record.node.apart = true;
  record.node.placed = true;
  ++record.node.links;
  azure::TouchChanged(meta::Nanoseconds(commit.now), record.metadata);
  meta::PutRecord(txn, spot.container.id, node.entry_key, record);
  txn.Put(spot.entry_key, meta::Encode(meta::LinkTo(record)));
  meta::IndexTags(txn, spot.container.id, spot.path, record.tags);
  meta::TouchDirectory(txn, spot.container.id, spot.parent, commit.now);
  FB_RETURN_IF_ERROR(DropStaging(txn, spot.container.id, spot.path, commit.now));
  NoteDone(txn, spot.container.id, request.token, commit.now);
  commit.done.created = true;
  return Answer(txn, spot.container.id, record, commit.done);
}

Result<> CheckEmptyDirectory(const kv::Reader& reader, const meta::ContainerRecord& container,
                             meta::InodeId directory) {
  FB_RETURN_IF_ERROR(CheckNamesAreHere(container));
  const std::string entries = keys::EntriesOf(container.id, directory);
  const auto scan = reader.Scan(entries, PrefixEnd(entries));
  if (scan->Valid()) return Fail(Code::kDirectoryNotEmpty, "The directory is not empty.");
  return scan->status();
}

// Takes what is at the spot out of the namespace, as rmdir and unlink do.
Result<> TakeOut(Services& services, kv::Transaction& txn, const Spot& spot, WallTime now) {
  const Node node = NodeAt(spot);
  if (node.record.directory) {
    FB_RETURN_IF_ERROR(CheckEmptyDirectory(txn, spot.container, node.inode));
  }
  return RemoveRecord(services, txn, spot.container, spot.path, node.record, now);
}

Result<> Remove(Services& services, kv::Transaction& txn, Commit<RemoveNodeRequest>& commit) {
  commit.done = {};
  const RemoveNodeRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(const Spot spot, FindSpot(txn, request.target));
  commit.path = spot.path;
  FB_ASSIGN_OR_RETURN(const bool was_done, WasDone(txn, spot.container.id, request.token));
  if (was_done) return Repeated(txn, spot, commit.done);
  if (!spot.existing) return Missing();
  const Node node = NodeAt(spot);
  if (request.target.expected.value() != 0 && request.target.expected != node.inode) {
    return Fail(Code::kConditionNotMet, "Another file has the name now.");
  }
  if (request.directory && !node.record.directory) {
    return Fail(Code::kNotADirectory, "The path does not name a directory.");
  }
  if (!request.directory) FB_RETURN_IF_ERROR(RequireFileNode(node));
  FB_RETURN_IF_ERROR(CheckWriteNode(node, request.target.conditions, commit.now));
  if (request.directory) {
    FB_RETURN_IF_ERROR(CheckEmptyDirectory(txn, spot.container, node.inode));
  }
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, spot.container));
  FB_RETURN_IF_ERROR(NoteDelete(services, txn, PlaceOfNode(node), mark, commit.now));
  // Before it goes: a directory's time is not readable afterwards.
  FB_RETURN_IF_ERROR(Answer(txn, spot.container.id, node.record, commit.done));
  commit.done.attributes.nlink = node.record.node.apart ? node.record.node.links - 1 : 0;
  FB_RETURN_IF_ERROR(TakeOut(services, txn, spot, commit.now));
  NoteDone(txn, spot.container.id, request.token, commit.now);
  return {};
}

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

// What may not go where, by kind.
Result<> CheckReplaces(const kv::Reader& reader, const Spot& source, const Spot& target) {
  const bool directory = source.existing->directory.has_value();
  if (directory && IsBelow(target.path, source.path)) {
    return Fail(Code::kInvalidRenameSourcePath, "A directory cannot be moved into itself.");
  }
  if (!target.existing) return {};
  if (directory && !target.existing->directory) {
    return Fail(Code::kNotADirectory, "A directory replaces a directory only.");
  }
  if (!directory && target.existing->directory) {
    return Fail(Code::kIsADirectory, "A file replaces no directory.");
  }
  if (!directory) return {};
  return CheckEmptyDirectory(reader, target.container, *target.existing->directory);
}

// Hangs the record under another entry, and says so where its number is looked up. Its tags, of
// which the index speaks by name, are to be taken out of that first.
void Rehang(kv::Transaction& txn, const meta::BlobRecord& record, const Spot& to) {
  meta::IndexTags(txn, to.container.id, to.path, record.tags);
  meta::PutRecord(txn, to.container.id, to.entry_key, record);
  const std::string hangs =
      meta::Encode(meta::DirectoryRecord{to.container.id, to.parent, to.component});
  if (record.directory) {
    txn.Put(keys::Directory(*record.directory), hangs);
  } else if (record.node.placed && !record.node.apart) {
    txn.Put(keys::Place(to.container.id, meta::InodeOf(record)), hangs);
  }
}

Result<> Exchange(kv::Transaction& txn, const Spot& source, const Spot& target, WallTime now) {
  if (!target.existing) return Missing();
  if (IsBelow(target.path, source.path) || IsBelow(source.path, target.path)) {
    return Fail(Code::kInvalidRenameSourcePath, "A directory cannot be moved into itself.");
  }
  if (source.container.lake.mirrors()) {
    return Fail(Code::kUnsupported,
                "Names are not exchanged while the container is attached to a lake.");
  }
  FB_RETURN_IF_ERROR(CheckWriteNode(NodeAt(target), {}, now));
  meta::BlobRecord a = *source.existing;
  meta::BlobRecord b = *target.existing;
  for (meta::BlobRecord* record : {&a, &b}) {
    azure::TouchChanged(meta::Nanoseconds(now), record->metadata);
  }
  meta::UnindexTags(txn, source.container.id, source.path, a.tags);
  meta::UnindexTags(txn, target.container.id, target.path, b.tags);
  Rehang(txn, a, target);
  Rehang(txn, b, source);
  if (a.expires) {
    FB_RETURN_IF_ERROR(meta::NoteExpiry(txn, target.container.id, target.path, *a.expires));
  }
  if (b.expires) {
    FB_RETURN_IF_ERROR(meta::NoteExpiry(txn, source.container.id, source.path, *b.expires));
  }
  return {};
}

Result<> Move(Services& services, kv::Transaction& txn, const Spot& source, const Spot& target,
              const azure::Conditions& conditions, WallTime now) {
  FB_RETURN_IF_ERROR(CheckReplaces(txn, source, target));
  if (source.existing->directory) FB_RETURN_IF_ERROR(CheckNamesAreHere(source.container));
  meta::BlobRecord record = *source.existing;
  Place target_place{target.container, target.path, target.existing, {}};
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, source.container));
  FB_RETURN_IF_ERROR(
      NoteRename(services, txn, PlaceOfNode(NodeAt(source)), target_place, mark, now, record));
  if (target.existing) {
    // A lease there is broken by the rename unless an id is given, as in the public API.
    FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(target.existing->lease, conditions.lease_id,
                                               meta::LeasedThing::kBlob, now));
    FB_RETURN_IF_ERROR(CheckNoPendingCopy(target_place));
    FB_RETURN_IF_ERROR(TakeOut(services, txn, target, now));
  }
  azure::TouchChanged(meta::Nanoseconds(now), record.metadata);
  txn.Erase(source.entry_key);
  meta::UnindexTags(txn, source.container.id, source.path, record.tags);
  Rehang(txn, record, target);
  FB_RETURN_IF_ERROR(DropStaging(txn, source.container.id, source.path, now));
  if (!record.expires) return {};
  return meta::NoteExpiry(txn, target.container.id, target.path, *record.expires);
}

Result<> Rename(Services& services, kv::Transaction& txn, Commit<RenameNodeRequest>& commit) {
  commit.done = {};
  const RenameNodeRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(const Spot target, FindSpot(txn, request.target));
  commit.path = target.path;
  FB_ASSIGN_OR_RETURN(const bool was_done, WasDone(txn, target.container.id, request.token));
  if (was_done) return Repeated(txn, target, commit.done);
  FB_ASSIGN_OR_RETURN(const Spot source, FindSpot(txn, request.source));
  if (!source.existing) return Missing();
  FB_RETURN_IF_ERROR(CheckWriteNode(NodeAt(source), request.source.conditions, commit.now));
  if (request.mode == RenameMode::kNoReplace && target.existing) return Exists();
  const bool same =
      target.existing && meta::InodeOf(*target.existing) == meta::InodeOf(*source.existing);
  if (!same && request.mode == RenameMode::kExchange) {
    FB_RETURN_IF_ERROR(Exchange(txn, source, target, commit.now));
  } else if (!same) {
    FB_RETURN_IF_ERROR(Move(services, txn, source, target, request.target.conditions, commit.now));
  }
  if (!same) {
    meta::TouchDirectory(txn, source.container.id, source.parent, commit.now);
    meta::TouchDirectory(txn, target.container.id, target.parent, commit.now);
  }
  NoteDone(txn, target.container.id, request.token, commit.now);
  meta::BlobRecord shown = *source.existing;
  azure::TouchChanged(meta::Nanoseconds(commit.now), shown.metadata);
  // The time of a directory that is the parent of its own new name's parent cannot be read here.
  if (!shown.directory) return Answer(txn, source.container.id, shown, commit.done);
  commit.done.attributes.inode = meta::InodeOf(shown).value();
  commit.done.attributes.kind = azure::FileKind::kDirectory;
  return {};
}

template <class Request, class Step>
Task<NodeChange> Run(Services& services, OpContext context, Request request, Step step) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto commit = std::make_shared<Commit<Request>>();
  commit->request = std::move(request);
  commit->now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await TransactNodeAcknowledged(
      services, context, commit->request.target.container, commit->request.lazy,
      std::shared_ptr<const std::string>(commit, &commit->path),
      [&services, commit, step](kv::Transaction& txn) { return step(services, txn, *commit); }));
  if (!commit->done.repeated) commit->done.changed = meta::Nanoseconds(commit->now);
  co_return std::move(commit->done);
}

}  // namespace

Result<bool> WasDone(const kv::Reader& reader, meta::ContainerId container,
                     const std::string& token) {
  if (token.empty()) return false;
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Token(container, token)));
  return stored.has_value();
}

void NoteDone(kv::Transaction& txn, meta::ContainerId container, const std::string& token,
              WallTime now) {
  if (token.empty()) return;
  txn.Put(keys::Token(container, token), Encoder().U8(1).Signed(now.ticks).Take());
}

Task<NodeChange> LinkNode(Services& services, OpContext context, LinkNodeRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await services.AwaitRoom(Growth::kRecords, context));
  co_return co_await Run(services, std::move(context), std::move(request), &Link);
}

Task<NodeChange> RemoveNode(Services& services, OpContext context, RemoveNodeRequest request) {
  co_return co_await Run(services, std::move(context), std::move(request), &Remove);
}

Task<NodeChange> RenameNode(Services& services, OpContext context, RenameNodeRequest request) {
  co_return co_await Run(services, std::move(context), std::move(request), &Rename);
}

}  // namespace forebay::engine
