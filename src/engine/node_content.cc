#include "engine/node_content.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "base/codec.h"
#include "chunk/chunk_store.h"
#include "engine/acknowledge.h"
#include "engine/append_path.h"
#include "engine/body_writer.h"
#include "engine/bring_here.h"
#include "engine/change_log.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/get_blob.h"
#include "engine/look_up.h"
#include "engine/piece_reader.h"
#include "engine/planned_body.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;
using Kind = ContentPiece::Kind;

// Changes that race with the commit make it start over.
constexpr int kMaxAttempts = 5;

// Another file as it was when the commit was worked out.
struct Copied {
  NodeTarget file;
  meta::BodyId body;
};

struct Commit {
  CommitNodeRequest request;  // without its body, which is read once
  Stamp stamp;
  std::shared_ptr<StoredBody> stored;  // the bytes of all kData pieces, one after the other
  meta::BodyId prepared_id;            // 0: `stored` fits into the final transaction
  PlannedBody body;
  meta::BlobRecord laid_out;               // length, body and holes of what is to be
  std::map<meta::InodeId, Copied> copied;  // what kCopy pieces come from
  // A file that eviction gave to its lake since the first look: it is fetched before another try.
  std::optional<NodeTarget> evicted;
  azure::PosixAttributes attributes;
  std::string path;              // empty: the file has no name
  ReadVersions::Version before;  // what is replaced
  std::uint64_t old_length = 0;
  bool early = false;  // seen before it is durable: nobody hears of it but who reads it here
};

// Works out extents on a snapshot.
class Planner {
 public:
  Planner(const kv::Reader& reader, const Node& node, std::size_t max_extents, Commit& commit)
      : reader_(reader),
        node_(node),
        max_extents_(max_extents),
        commit_(commit),
        plan_(commit.body.plan) {}

  Result<> Run() {
    FB_RETURN_IF_ERROR(LoadStaging());
    for (const ContentPiece& piece : commit_.request.pieces) FB_RETURN_IF_ERROR(Add(piece));
    if (plan_.length > kMaxFileBytes) {
      return Fail(Code::kOutOfRangeInput, "The file would be larger than a file may be.");
    }
    for (auto& [holder, extents] : shares_) {
      plan_.shares.push_back({holder, std::move(extents)});
    }
    for (auto& [id, staged] : staged_) {
      if (staged.used) continue;
      plan_.dropped.push_back({meta::BodyId(0), std::move(staged.record.extents)});
    }
    return {};
  }

 private:
  struct Staged {
    meta::StagedBlockRecord record;
    bool used = false;
  };

  Result<> LoadStaging() {
    plan_.staging_key = keys::Pieces(node_.inode, commit_.request.writer);
    FB_ASSIGN_OR_RETURN(auto stored, reader_.Get(plan_.staging_key));
    if (!stored) return {};
    FB_ASSIGN_OR_RETURN(plan_.staging, meta::DecodeStaging(*stored));
    const meta::BodyId generation = plan_.staging->generation;
    FB_ASSIGN_OR_RETURN(auto count, reader_.Get(keys::StagedCount(generation)));
    FB_ASSIGN_OR_RETURN(auto replaced, reader_.Get(keys::ReplacedCount(generation)));
    plan_.staged_count = kv::CounterValue(count);
    plan_.replaced_count = kv::CounterValue(replaced);
    const std::string prefix = keys::StagedBlocksOf(generation);
    const auto it = reader_.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      FB_ASSIGN_OR_RETURN(meta::StagedBlockRecord record, meta::DecodeStagedBlock(it->value()));
      plan_.staged_keys.emplace_back(it->key());
      staged_.emplace(std::string(keys::BlockIdOfStagedKey(it->key())),
                      Staged{std::move(record), false});
    }
    return it->status();
  }

  Result<> Add(const ContentPiece& piece) {
    switch (piece.kind) {
      case Kind::kKeep:
        plan_.old_body = node_.record.body.id;
        return Share(commit_.request.target, node_.record, piece);
      case Kind::kCopy:
        return Copy(piece);
      case Kind::kZero:
        meta::AppendHole(plan_.extents, piece.length);
        plan_.length += piece.length;
        return CheckExtents();
      case Kind::kData:
        return AddData(piece.length);
      case Kind::kBlock:
        return UseBlock(piece.block);
    }
    return {};
  }

  Result<> UseBlock(const std::string& id) {
    const auto staged = staged_.find(id);
    if (staged == staged_.end()) {
      return Fail(Code::kInvalidBlockList, "A block of the plan is not staged.");
    }
    staged->second.used = true;
    plan_.length += staged->second.record.size;
    return Append(staged->second.record.extents);
  }

  // A slice of what the request brought.
  Result<> AddData(std::uint64_t length) {
    const std::vector<meta::Extent>& all = commit_.stored->extents;
    std::vector<meta::Extent> slice;
    plan_.length += length;
    while (length > 0) {
      if (data_index_ == all.size()) return Fail(Code::kInternal, "The plan names too many bytes.");
      const meta::Extent& extent = all[data_index_];
      const auto take =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(extent.length - data_offset_, length));
      slice.push_back({extent.chunk, extent.offset + data_offset_, take});
      length -= take;
      data_offset_ += take;
      if (data_offset_ == extent.length) {
        ++data_index_;
        data_offset_ = 0;
      }
    }
    return Append(slice);
  }

  Result<> Copy(const ContentPiece& piece) {
    if (piece.inode == node_.inode) {
      plan_.old_body = node_.record.body.id;
      return Share(commit_.request.target, node_.record, piece);
    }
    const NodeTarget target = SourceOf(commit_.request, piece);
    auto known = sources_.find(piece.inode);
    if (known == sources_.end()) {
      FB_ASSIGN_OR_RETURN(Node source, FindNode(reader_, target));
      FB_RETURN_IF_ERROR(RequireFileNode(source));
      commit_.copied[piece.inode] = {target, source.record.body.id};
      known = sources_.emplace(piece.inode, std::move(source)).first;
    }
    FB_RETURN_IF_ERROR(CheckReadNode(known->second, target.conditions));
    return Share(target, known->second.record, piece);
  }

  Result<> Share(const NodeTarget& file, const meta::BlobRecord& record,
                 const ContentPiece& piece) {
    if (piece.offset > record.length || piece.length > record.length - piece.offset) {
      return Fail(Code::kInvalidRange, "The plan names bytes behind the end of a file.");
    }
    if (record.body.in_lake) {
      commit_.evicted = file;
      return Fail(Code::kStale, "The file's bytes have left for the lake.");
    }
    FB_ASSIGN_OR_RETURN(const auto extents, meta::ExtentsOf(reader_, record.body, piece.offset,
                                                            piece.length, max_extents_ + 1));
    std::uint64_t found = 0;
    for (const meta::Extent& extent : extents) {
      found += extent.length;
      if (extent.is_hole() || !shared_.insert({record.body.id, extent.chunk}).second) continue;
      shares_[record.body.id].push_back({extent.chunk, 0, 1});
    }
    if (found != piece.length) return TooMany();
    plan_.length += piece.length;
    return Append(extents);
  }

  Result<> Append(const std::vector<meta::Extent>& extents) {
    for (const meta::Extent& extent : extents) {
      if (extent.is_hole()) {
        meta::AppendHole(plan_.extents, extent.length);
        continue;
      }
      if (!plan_.extents.empty()) {
        meta::Extent& last = plan_.extents.back();
        const std::uint64_t together = std::uint64_t{last.length} + extent.length;
        if (last.chunk == extent.chunk &&
            std::uint64_t{last.offset} + last.length == extent.offset &&
            together <= chunk::kMaxChunkBytes) {
          last.length = static_cast<std::uint32_t>(together);
          continue;
        }
      }
      plan_.extents.push_back(extent);
    }
    return CheckExtents();
  }

  Result<> CheckExtents() const {
    return plan_.extents.size() <= max_extents_ ? Result<>() : TooMany();
  }
  static std::unexpected<Error> TooMany() {
    return Fail(Code::kBlockListTooLong, "The file would be stored in too many pieces.");
  }

  const kv::Reader& reader_;
  const Node& node_;
  const std::size_t max_extents_;
  Commit& commit_;
  BlockListPlan& plan_;
  std::unordered_map<std::string, Staged> staged_;
  std::map<meta::InodeId, Node> sources_;
  std::map<meta::BodyId, std::vector<meta::Extent>> shares_;
  std::set<std::pair<meta::BodyId, chunk::ChunkId>> shared_;
  std::size_t data_index_ = 0;
  std::uint32_t data_offset_ = 0;
};

Result<Node> RequireFile(const kv::Reader& reader, const NodeTarget& target, WallTime now) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(reader, target));
  FB_RETURN_IF_ERROR(RequireFileNode(node));
  if (azure::KindOf(node.record.metadata) != azure::FileKind::kFile) {
    return Fail(Code::kInvalidInput, "Only a regular file has content that can be written.");
  }
  FB_RETURN_IF_ERROR(CheckWriteNode(node, target.conditions, now));
  FB_RETURN_IF_ERROR(CheckReplaceable(PlaceOfNode(node)));
  return node;
}

// What was worked out still holds.
Result<> Verify(const kv::Reader& reader, const Node& node, const Commit& commit) {
  FB_RETURN_IF_ERROR(VerifyPlan(reader, PlaceOfNode(node), commit.body.plan));
  for (const auto& [inode, copied] : commit.copied) {
    FB_ASSIGN_OR_RETURN(const Node source, FindNode(reader, copied.file));
    if (source.record.body.id != copied.body)
      return Fail(Code::kStale, "A file that is copied changed.");
  }
  return {};
}

Result<> Flip(Services& services, kv::Transaction& txn, Commit& commit) {
  FB_ASSIGN_OR_RETURN(Node node, RequireFile(txn, commit.request.target, commit.stamp.now));
  if (commit.early && node.container.lake.mirrors()) {
    return Fail(Code::kStale, "The container was attached to a lake meanwhile.");
  }
  FB_RETURN_IF_ERROR(Verify(txn, node, commit));
  if (commit.request.pieces.empty()) txn.MakesRoom();
  if (commit.prepared_id.value() != 0) {
    FB_RETURN_IF_ERROR(AdoptPreparedChunks(txn, commit.prepared_id, *commit.stored));
  } else {
    commit.stored->LinkAll(services.chunks, txn);
  }
  FB_RETURN_IF_ERROR(Adopt(txn, commit.body, commit.stamp.now));
  const Place before = PlaceOfNode(node);
  FB_ASSIGN_OR_RETURN(const std::uint64_t mark, ArrivalMark(txn, node.container));
  FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, node.record, commit.stamp.now));
  meta::BlobRecord& record = node.record;
  commit.before = VersionOf(record);
  commit.old_length = record.length;
  record.length = commit.laid_out.length;
  record.body = commit.laid_out.body;
  record.holes = commit.laid_out.holes;
  record.http.content_md5.clear();
  record.etag = commit.stamp.etag;
  record.modified = commit.stamp.now;
  const std::int64_t now = meta::Nanoseconds(commit.stamp.now);
  azure::TouchStored(now, record.metadata);
  if (!commit.request.set.Empty()) {
    azure::ApplyPosixChanges(commit.request.set, false, now, record.metadata, record.access);
  }
  commit.path = node.path;
  if (!node.path.empty()) {
    FB_RETURN_IF_ERROR(NoteChange(services, txn, before, meta::ChangeKind::kContent, mark, record));
  }
  FB_RETURN_IF_ERROR(PutNode(services, txn, commit.request.target, node));
  FB_ASSIGN_OR_RETURN(commit.attributes, AttributesOf(txn, node, /*with_target=*/false));
  return {};
}

// A small file that is written whole: there is next to nothing to work out.
bool BringsAllItself(const CommitNodeRequest& request) {
  constexpr std::size_t kFew = 16;
  return request.pieces.size() <= kFew &&
         std::ranges::all_of(request.pieces, [](const ContentPiece& piece) {
           return piece.kind == Kind::kData || piece.kind == Kind::kZero;
         });
}

Task<> Attempt(Services& services, OpContext context, std::shared_ptr<Commit> commit) {
  const std::size_t max_extents = services.limits.plan_extents;
  const auto plan = [commit, max_extents](const kv::Reader& reader) -> Result<> {
    commit->body = {};  // a second run begins anew
    commit->copied.clear();
    commit->evicted.reset();
    FB_ASSIGN_OR_RETURN(const Node node,
                        RequireFile(reader, commit->request.target, commit->stamp.now));
    commit->before = VersionOf(node.record);
    // Seen by others a moment before it is durable, as names are, and behind those in the log:
    // other changes need not wait for the disk with this one (ADR 0201).
    commit->early = !node.container.lake.mirrors();
    return Planner(reader, node, max_extents, *commit).Run();
  };
  FB_CO_RETURN_IF_ERROR(BringsAllItself(commit->request)
                            ? co_await ReadMeta(services, plan, context)
                            : co_await ReadMetaOnPool(services, plan));
  FB_CO_RETURN_IF_ERROR(LayOut(services, commit->body, commit->laid_out));
  GetBlobRequest present;
  present.node = commit->request.target;
  FB_CO_RETURN_IF_ERROR(
      co_await HoldForReaders(services, context, commit->before, std::move(present)));
  const std::shared_ptr<PlannedBody> body(commit, &commit->body);
  Result<> done;
  if (body->prepared) {
    done = co_await PrepareAhead(
        services, context, body, commit->stamp.now, [commit](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(const Node node,
                              RequireFile(txn, commit->request.target, commit->stamp.now));
          return Verify(txn, node, *commit);
        });
  }
  if (done) {
    done = co_await services.store.Transact(
        [&services, commit](kv::Transaction& txn) { return Flip(services, txn, *commit); },
        commit->early ? kv::Durability::kAwaited : kv::Durability::kSync);
  }
  if (!done && body->prepared) (void)co_await Abandon(services, body);
  co_return done;
}

Result<> CheckPieces(const CommitNodeRequest& request) {
  bool keeps = false;
  std::uint64_t data = 0;
  for (const ContentPiece& piece : request.pieces) {
    keeps |= piece.kind == Kind::kKeep;
    if (piece.kind == Kind::kData) data += piece.length;
    if (piece.length > kMaxFileBytes || data > kMaxPieceData) {
      return Fail(Code::kOutOfRangeInput, "The plan names more bytes than a file can have.");
    }
  }
  if (!keeps || request.target.conditions.if_match) return {};
  return Fail(Code::kMissingRequiredHeader,
              "What is kept must be named by its ETag: If-Match is needed.");
}

// How much of the file's beginning the pieces leave as it is.
std::uint64_t KeptBeginning(const std::vector<ContentPiece>& pieces) {
  std::uint64_t kept = 0;
  for (const ContentPiece& piece : pieces) {
    if (piece.kind != Kind::kKeep || piece.offset != kept) break;
    kept += piece.length;
  }
  return kept;
}

// Whether all of what was there is the beginning of what is there now. What is kept is of the
// version that If-Match names.
bool Grew(const Commit& commit, std::uint64_t kept) {
  const auto& match = commit.request.target.conditions.if_match;
  return commit.old_length > 0 && kept == commit.old_length && match &&
         match->etags == std::vector<azure::ETag>{commit.before.etag};
}

// Which of the files that the commit names have their bytes in a lake.
Result<LakeHeld> FindHeld(const kv::Reader& reader, const CommitNodeRequest& request,
                          WallTime now) {
  LakeHeld held;
  FB_ASSIGN_OR_RETURN(const Node node, RequireFile(reader, request.target, now));
  held.target = node.record.body.in_lake;
  if (!node.container.lake.attached()) return held;
  std::set<meta::InodeId> seen;
  for (const ContentPiece& piece : request.pieces) {
    if (piece.kind != Kind::kCopy || !seen.insert(piece.inode).second) continue;
    FB_ASSIGN_OR_RETURN(const Node copied, FindNode(reader, SourceOf(request, piece)));
    if (copied.record.body.in_lake) held.sources.insert(piece.inode);
  }
  return held;
}

// Stores what the commit brings; kept and copied ranges of the lake's become data.
Task<> StorePieces(Services& services, OpContext context, BodyReader* body, const LakeHeld& held,
                   Commit& commit) {
  CommitNodeRequest& request = commit.request;
  request.body = body;
  PieceReader reader(services, context, request, held);
  const std::uint64_t total = *reader.content_length();
  const bool sends = std::ranges::any_of(
      request.pieces, [](const ContentPiece& piece) { return piece.kind == Kind::kData; });
  if (sends && body == nullptr) {
    co_return Fail(Code::kInvalidInput, "The plan names more bytes than came.");
  }
  commit.stored = std::make_shared<StoredBody>();
  if (total > 0) {
    FB_CO_ASSIGN_OR_RETURN(
        *commit.stored, co_await StoreBodyIn(services, context, request.target.container, &reader,
                                             {.max_bytes = total, .expected = {}}));
  } else if (!request.pieces.empty()) {  // a file that is emptied gives room
    FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, request.target.container));
  }
  request.body = nullptr;
  for (ContentPiece& piece : request.pieces) {
    if (held.Has(piece)) piece.kind = Kind::kData;
  }
  if (!NeedsPreparing(services, *commit.stored)) co_return Result<>();
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  commit.prepared_id = meta::BodyId(id);
  co_return co_await PrepareStoredBody(services, context, commit.prepared_id, commit.stored);
}

}  // namespace

Task<azure::PosixAttributes> CommitNode(Services& services, OpContext context,
                                        CommitNodeRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(CheckPieces(request));
  const WallTime now = services.clock.Now();
  FB_CO_ASSIGN_OR_RETURN(const LakeHeld held, co_await ReadMeta(
                                                  services,
                                                  [&request, now](const kv::Reader& reader) {
                                                    return FindHeld(reader, request, now);
                                                  },
                                                  context));
  BodyReader* const body = request.body;
  const std::uint64_t kept = KeptBeginning(request.pieces);
  auto first = std::make_shared<Commit>();
  first->request = std::move(request);
  FB_CO_RETURN_IF_ERROR(co_await StorePieces(services, context, body, held, *first));
  Result<> done;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto commit = std::make_shared<Commit>();
    commit->request = first->request;
    commit->stored = first->stored;
    commit->prepared_id = first->prepared_id;
    commit->stamp = MakeStamp(services);
    done = co_await Attempt(services, context, commit);
    if (done) {
      commit->stored->Linked(services.chunks);
      if (Grew(*commit, kept)) {
        services.versions->Grew(commit->before, ChangedBy(commit->stamp).etag);
      }
      FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(
          services, context, commit->request.target.container, {commit->path}));
      co_return std::move(commit->attributes);
    }
    if (done.error().code() != Code::kStale) break;
    if (!commit->evicted) continue;
    auto here = co_await BringHere(services, context, *commit->evicted);
    if (!here && here.error().code() != Code::kStale) {
      done = std::move(here);
      break;
    }
  }
  if (first->prepared_id.value() != 0) (void)co_await AbandonPrepared(services, first->prepared_id);
  if (done.error().code() == Code::kStale) {
    co_return Fail(Code::kServerBusy, "The file keeps changing while it is written; try again.");
  }
  co_return Fail(std::move(done.error()));
}

}  // namespace forebay::engine
