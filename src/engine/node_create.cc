#include <cstring>
#include <memory>

#include "base/codec.h"
#include "engine/acknowledge.h"
#include "engine/body_writer.h"
#include "engine/change_log.h"
#include "engine/container_room.h"
#include "engine/get_blob.h"
#include "engine/get_container.h"
#include "engine/lazy.h"
#include "engine/look_up.h"
#include "engine/node_names.h"
#include "engine/node_session.h"
#include "engine/path_access.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr int kMaxAttempts = 5;  // where what is cut to nothing keeps changing

struct Commit {
  CreateNodeRequest request;
  azure::FileKind kind = azure::FileKind::kFile;
  meta::BlobId id;
  meta::BodyId body;
  Stamp stamp;
  StoredBody stored;
  bool prepared = false;
  NodeChange done;
  std::string path;  // that was made, or changed
  azure::ETag cut;   // of what is cut to nothing, and held for its readers
};

bool HasDefaultAcl(const azure::AccessControl& access) {
  for (const azure::AclEntry& entry : access.extended) {
    if (entry.is_default) return true;
  }
  return false;
}

// Mode, owner and ACL as POSIX.1e gives them: a default ACL above stands in for the umask, and the
// mode takes away from it.
void GiveAccess(const Commit& commit, const Node& parent, meta::BlobRecord& record) {
  const bool directory = record.directory.has_value();
  const azure::AccessControl above = AccessOf(parent.record);
  azure::PosixAttributes above_attributes;
  azure::ReadStored(parent.record.metadata, parent.record.access, true, {}, above_attributes);
  azure::PosixChanges set = commit.request.set;
  set.kind = commit.kind;
  std::uint32_t mode = set.mode.value_or(directory ? 0777 : 0666);
  if (commit.kind == azure::FileKind::kSymlink) {
    mode = 0777;
  } else if (HasDefaultAcl(above)) {
    record.access = azure::InheritAccess(above, directory, std::nullopt, std::nullopt);
    azure::PosixAttributes inherited;
    azure::ReadStored({}, record.access, directory, {}, inherited);
    mode = (mode & inherited.mode & 0777) | (mode & 07000);
  } else {
    mode &= ~std::uint32_t{commit.request.umask};
  }
  set.uid = set.uid.value_or(0);
  set.gid = set.gid.value_or(0);
  if ((above_attributes.mode & azure::kSetgidBit) != 0) {
    set.gid = above_attributes.gid;
    if (directory) mode |= azure::kSetgidBit;
  }
  set.mode = mode;
  azure::ApplyPosixChanges(set, directory, meta::Nanoseconds(commit.stamp.now), record.metadata,
                           record.access);
}

Result<> Hold(kv::Transaction& txn, const Commit& commit, meta::ContainerId container,
              meta::InodeId inode, Services& services) {
  if (commit.request.session == 0) return {};
  FB_RETURN_IF_ERROR(RequireSession(services, txn, container, commit.request.session));
  PutHold(txn, container, inode, commit.request.session);
  return {};
}

// open(2) with O_CREAT of what is there.
Result<> OpenExisting(Services& services, kv::Transaction& txn, Commit& commit, const Spot& spot) {
  Node node = NodeAt(spot);
  if (commit.request.exclusive || node.record.directory ||
      azure::KindOf(node.record.metadata) != azure::FileKind::kFile) {
    return Fail(Code::kPathAlreadyExists, "The specified path already exists.");
  }
  if (commit.request.truncate && node.record.length > 0) {
    FB_RETURN_IF_ERROR(CheckWriteNode(node, commit.request.target.conditions, commit.stamp.now));
    const Place place = PlaceOfNode(node);
    FB_RETURN_IF_ERROR(CheckReplaceable(place));
    if (VersionOf(node.record).etag != commit.cut) {
      return Fail(Code::kStale, "The file changed before it was cut to nothing.");
    }
    FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, node.container));
    FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, node.record, commit.stamp.now));
    node.record.body = {};
    node.record.length = 0;
    node.record.holes = 0;
    node.record.http.content_md5.clear();
    node.record.etag = commit.stamp.etag;
    node.record.modified = commit.stamp.now;
    azure::TouchStored(meta::Nanoseconds(commit.stamp.now), node.record.metadata);
    FB_RETURN_IF_ERROR(
        NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, node.record));
    FB_RETURN_IF_ERROR(PutNode(services, txn, commit.request.target, node));
  }
  if (commit.request.session != 0) {
    FB_RETURN_IF_ERROR(GivePlace(services, txn, commit.request.target, node));
  }
  FB_RETURN_IF_ERROR(Hold(txn, commit, node.container.id, node.inode, services));
  FB_ASSIGN_OR_RETURN(commit.done.attributes, AttributesOf(txn, node, /*with_target=*/false));
  return {};
}

Result<> PutNew(Services& services, kv::Transaction& txn, Commit& commit, const Spot& spot) {
  FB_ASSIGN_OR_RETURN(const Node parent, ParentOf(txn, spot));
  meta::BlobRecord record = NewRecord(commit.id, {}, commit.stamp);
  record.http.content_type = "application/octet-stream";
  if (commit.kind == azure::FileKind::kDirectory) {
    record.directory = meta::InodeId(commit.id.value());
  } else {
    record.node.placed = true;
  }
  GiveAccess(commit, parent, record);
  Describe(commit.stored, commit.body, record);
  if (commit.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, commit.body));
  } else {
    LinkWhole(services, txn, commit.body, commit.stored);
  }
  Node node;
  node.container = spot.container;
  node.inode = meta::InodeOf(record);
  node.parent = spot.parent;
  node.entry_key = spot.entry_key;
  node.path = spot.path;
  if (spot.container.lake.attached()) {
    Place place = PlaceOfNode(node);
    place.existing.reset();
    FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, spot.container));
    FB_RETURN_IF_ERROR(NoteChange(services, txn, place, meta::ChangeKind::kContent, mark, record));
  }
  const std::string hangs =
      meta::Encode(meta::DirectoryRecord{spot.container.id, spot.parent, spot.component});
  txn.Put(
      record.directory ? keys::Directory(node.inode) : keys::Place(spot.container.id, node.inode),
      hangs);
  txn.Put(spot.entry_key, meta::Encode(record));
  meta::TouchDirectory(txn, spot.container.id, spot.parent, commit.stamp.now);
  FB_RETURN_IF_ERROR(DropStaging(txn, spot.container.id, spot.path, commit.stamp.now));
  FB_RETURN_IF_ERROR(Hold(txn, commit, spot.container.id, node.inode, services));
  FB_ASSIGN_OR_RETURN(commit.done.attributes,
                      AttributesOf(txn, spot.container.id, record, /*with_target=*/false));
  commit.done.created = true;
  commit.done.changed = meta::Nanoseconds(commit.stamp.now);
  return {};
}

Result<> Create(Services& services, kv::Transaction& txn, Commit& commit) {
  commit.done = {};
  const CreateNodeRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(const Spot spot, FindSpot(txn, request.target));
  commit.path = spot.path;
  FB_RETURN_IF_ERROR(CheckMayChange(spot.container));
  FB_ASSIGN_OR_RETURN(const bool was_done, WasDone(txn, spot.container.id, request.token));
  if (was_done && spot.existing) {
    commit.done.repeated = true;
    FB_ASSIGN_OR_RETURN(commit.done.attributes,
                        AttributesOf(txn, NodeAt(spot), /*with_target=*/false));
    // Its bytes came again with the repeat; they are nobody's, and go.
    return {};
  }
  if (spot.existing) {
    FB_RETURN_IF_ERROR(OpenExisting(services, txn, commit, spot));
  } else {
    FB_RETURN_IF_ERROR(PutNew(services, txn, commit, spot));
  }
  NoteDone(txn, spot.container.id, request.token, commit.stamp.now);
  return {};
}

// The target of a symbolic link lies with the records, whatever the threshold for bodies is:
// listings show it.
Result<> StoreTarget(Services& services, const std::string& target, Commit& commit) {
  if (target.empty() || target.size() > azure::kMaxSymlinkBytes ||
      target.find('\0') != std::string::npos) {
    return Fail(Code::kInvalidInput, "A symbolic link has a target of 1 to 4,095 bytes.");
  }
  FB_ASSIGN_OR_RETURN(const std::uint64_t piece, services.ids.Next());
  commit.stored.size = target.size();
  commit.stored.inline_data = target;
  commit.stored.extents.push_back({{0, piece}, 0, static_cast<std::uint32_t>(target.size())});
  return {};
}

Task<> StoreContent(Services& services, OpContext context, Commit& commit) {
  const bool symlink = commit.kind == azure::FileKind::kSymlink;
  if (symlink || commit.request.body == nullptr) {
    FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, commit.request.target.container));
    if (!symlink) co_return Result<>();
    co_return StoreTarget(services, commit.request.set.target.value_or(""), commit);
  }
  FB_CO_ASSIGN_OR_RETURN(
      commit.stored,
      co_await StoreBodyIn(services, context, commit.request.target.container, commit.request.body,
                           {.max_bytes = kMaxCreateBytes, .expected = {}}));
  if (commit.stored.size > 0 && commit.kind != azure::FileKind::kFile) {
    co_return Fail(Code::kInvalidInput, "Only a regular file is created with content.");
  }
  co_return Result<>();
}

// Who reads what is cut to nothing goes on with the version that it was.
Task<> HoldWhatIsCut(Services& services, OpContext context, Commit& commit) {
  const CreateNodeRequest& request = commit.request;
  if (request.exclusive || !request.truncate) co_return Result<>();
  const auto spot = co_await ReadMeta(
      services, [&request](const kv::Reader& reader) { return FindSpot(reader, request.target); },
      context);
  if (!spot || !spot->existing) co_return Result<>();  // the transaction says what is wrong
  const ReadVersions::Version version = VersionOf(*spot->existing);
  commit.cut = version.etag;
  GetBlobRequest present;
  present.node = request.target;
  co_return co_await HoldForReaders(services, context, version, std::move(present));
}

Task<> MakeOrOpen(Services& services, OpContext context, std::shared_ptr<Commit> commit) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    FB_CO_RETURN_IF_ERROR(co_await HoldWhatIsCut(services, context, *commit));
    auto done = co_await TransactNode(
        services, context, commit->request.target.container, commit->request.lazy,
        [&services, commit](kv::Transaction& txn) { return Create(services, txn, *commit); });
    if (done || done.error().code() != Code::kStale) co_return done;
  }
  co_return Fail(Code::kServerBusy, "The file keeps changing while it is opened; try again.");
}

}  // namespace

Task<NodeChange> CreateNode(Services& services, OpContext context, CreateNodeRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto commit = std::make_shared<Commit>();
  commit->kind = request.set.kind.value_or(azure::FileKind::kFile);
  commit->request = std::move(request);
  FB_CO_RETURN_IF_ERROR(co_await StoreContent(services, context, *commit));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t body, services.ids.Next());
  commit->id = meta::BlobId(id);
  commit->body = meta::BodyId(body);
  commit->stamp = MakeStamp(services);
  commit->prepared = NeedsPreparing(services, commit->stored);
  if (commit->prepared) {
    FB_CO_RETURN_IF_ERROR(
        co_await PrepareStoredBody(services, context, commit->body, {commit, &commit->stored}));
  }
  auto done = co_await MakeOrOpen(services, context, commit);
  if (done && commit->done.created) {
    commit->stored.Linked(services.chunks);
  } else if (commit->prepared) {
    (void)co_await AbandonPrepared(services, commit->body);
  }
  if (!done) co_return Fail(std::move(done.error()));
  FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(
      services, context, commit->request.target.container, {commit->path}));
  co_return std::move(commit->done);
}

}  // namespace forebay::engine
