// StageNode, SeekNode and ParsePlan; see node_content.h.
#include <algorithm>
#include <charconv>
#include <memory>

#include "azure/field_line.h"
#include "azure/names.h"
#include "engine/append_path.h"
#include "engine/body_writer.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/look_up.h"
#include "engine/node_content.h"
#include "engine/prepare.h"
#include "engine/put_block.h"
#include "engine/read_gate.h"
#include "engine/staging.h"
#include "meta/keys.h"
#include "meta/node_keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// As coarse as for staged blocks (engine/staging.cc): parallel ones touch no common record.
constexpr std::chrono::hours kTouchInterval{1};
constexpr std::size_t kExtentsAtATime = 1'000;

std::unexpected<Error> BadPlan() {
  return Fail(Code::kInvalidInput, "A line of the plan is not of its form.");
}

// Takes the next word off the front.
std::string_view Word(std::string_view& line) {
  const auto space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

bool Take(std::string_view& line, std::uint64_t& out) {
  const auto value = azure::ParseUint(Word(line));
  if (!value || *value > INT64_MAX) return false;
  out = *value;
  return true;
}

Result<ContentPiece> ParseLine(std::string_view line) {
  using Kind = ContentPiece::Kind;
  ContentPiece piece;
  const std::string_view word = Word(line);
  bool good = true;
  if (word == "keep") {
    piece.kind = Kind::kKeep;
    good = Take(line, piece.offset) && Take(line, piece.length);
  } else if (word == "data" || word == "zero") {
    piece.kind = word == "data" ? Kind::kData : Kind::kZero;
    good = Take(line, piece.length);
  } else if (word == "block") {
    piece.kind = Kind::kBlock;
    FB_ASSIGN_OR_RETURN(const azure::BlockId id, azure::ParseBlockId(Word(line)));
    piece.block = id.str();
  } else if (word == "copy") {
    piece.kind = Kind::kCopy;
    std::uint64_t inode = 0;
    good = Take(line, inode) && Take(line, piece.offset) && Take(line, piece.length);
    piece.inode = meta::InodeId(inode);
    if (good && !line.empty()) {
      const auto source = azure::FieldLine::Parse(Word(line));
      if (!source) return BadPlan();
      piece.etag = source->Get("etag");
      piece.path = source->Get("path");
    }
  } else {
    good = false;
  }
  if (!good || !line.empty() || (piece.length == 0 && piece.kind != Kind::kBlock)) return BadPlan();
  return piece;
}

struct Commit {
  NodeTarget target;
  std::string writer;
  azure::BlockId id;
  meta::BodyId fresh;
  meta::BodyId prepared_id;  // 0: not prepared
  WallTime now;
  meta::StagedBlockRecord block;
  StoredBody stored;
};

Result<Node> RequireFile(const kv::Reader& reader, const NodeTarget& target, WallTime now) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(reader, target));
  FB_RETURN_IF_ERROR(RequireFileNode(node));
  FB_RETURN_IF_ERROR(CheckLeaseAt(PlaceOfNode(node), target.conditions.lease_id, now));
  FB_RETURN_IF_ERROR(CheckReplaceable(PlaceOfNode(node)));
  return node;
}

Result<meta::BodyId> OpenGeneration(kv::Transaction& txn, meta::InodeId inode,
                                    const Commit& commit) {
  const std::string key = keys::Pieces(inode, commit.writer);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  meta::StagingRecord staging;
  if (stored) {
    FB_ASSIGN_OR_RETURN(staging, meta::DecodeStaging(*stored));
    if (staging.last_block + kTouchInterval >= commit.now) return staging.generation;
  } else {
    staging.generation = commit.fresh;
    staging.created = commit.now;
  }
  staging.last_block = commit.now;
  txn.Put(key, meta::Encode(staging));
  return staging.generation;
}

Result<> Stage(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Node node, RequireFile(txn, commit.target, commit.now));
  if (commit.prepared_id.value() != 0) {
    FB_RETURN_IF_ERROR(AdoptPreparedChunks(txn, commit.prepared_id, commit.stored));
  } else {
    commit.stored.LinkAll(services.chunks, txn);
  }
  // What is found by its number takes its blocks along when it goes.
  FB_RETURN_IF_ERROR(GivePlace(services, txn, commit.target, node));
  FB_ASSIGN_OR_RETURN(const meta::BodyId generation, OpenGeneration(txn, node.inode, commit));
  return StoreStagedBlock(services, txn, generation, commit.id, commit.block, commit.now);
}

Result<> CheckRoomToStage(const kv::Reader& reader, const StageNodeRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(const Node node, RequireFile(reader, request.target, now));
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Pieces(node.inode, request.writer)));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(const meta::StagingRecord staging, meta::DecodeStaging(*stored));
  FB_ASSIGN_OR_RETURN(auto count, reader.Get(keys::StagedCount(staging.generation)));
  if (kv::CounterValue(count) < static_cast<std::int64_t>(kMaxUncommittedBlocks)) return {};
  return Fail(Code::kUncommittedBlockCountExceedsLimit,
              "At most 100,000 blocks can be staged for a commit.");
}

// Walks the extents from `offset` on.
Result<std::uint64_t> Seek(const kv::Reader& reader, const NodeTarget& target, std::uint64_t offset,
                           bool data) {
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, target));
  FB_RETURN_IF_ERROR(RequireFileNode(node));
  const meta::BlobRecord& record = node.record;
  const Error none(Code::kNoSuchOffset, "There is no data, or no hole, at or behind the offset.");
  if (offset >= record.length) return Fail(none);
  if (record.holes == 0) return data ? offset : record.length;
  for (std::uint64_t at = offset; at < record.length;) {
    FB_ASSIGN_OR_RETURN(const auto extents, meta::ExtentsOf(reader, record.body, at,
                                                            record.length - at, kExtentsAtATime));
    if (extents.empty()) return Fail(Code::kCorruption, "A body is shorter than its record says.");
    for (const meta::Extent& extent : extents) {
      if (extent.is_hole() != data) return at;
      at += extent.length;
    }
  }
  if (data) return Fail(none);
  return record.length;
}

}  // namespace

Result<std::vector<ContentPiece>> ParsePlan(std::string_view text) {
  std::vector<ContentPiece> pieces;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.empty()) continue;
    if (pieces.size() == kMaxPieces) {
      return Fail(Code::kBlockListTooLong, "A commit has at most 50,000 pieces.");
    }
    FB_ASSIGN_OR_RETURN(ContentPiece piece, ParseLine(line));
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Task<std::uint64_t> StageNode(Services& services, OpContext context, StageNodeRequest request) {
  const WallTime now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await ReadMeta(
      services,
      [&request, now](const kv::Reader& reader) { return CheckRoomToStage(reader, request, now); },
      context));
  auto commit = std::make_shared<Commit>();
  FB_CO_ASSIGN_OR_RETURN(
      commit->stored,
      co_await StoreBodyIn(services, context, request.target.container, request.body,
                           {.max_bytes = kMaxBlockBytes, .expected = request.expected}));
  if (commit->stored.size == 0) {
    co_return Fail(Code::kInvalidHeaderValue, "A block cannot be empty.");
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t fresh, services.ids.Next());
  commit->target = std::move(request.target);
  commit->writer = std::move(request.writer);
  commit->id = azure::BlockId(request.block);
  commit->fresh = meta::BodyId(fresh);
  commit->now = services.clock.Now();
  commit->block.size = commit->stored.size;
  commit->block.extents = commit->stored.extents;
  commit->block.crc64 = commit->stored.crc64;
  if (NeedsPreparing(services, commit->stored)) {
    FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
    commit->prepared_id = meta::BodyId(id);
    FB_CO_RETURN_IF_ERROR(co_await PrepareStoredBody(services, context, commit->prepared_id,
                                                     {commit, &commit->stored}));
  }
  auto done = co_await services.store.Transact(
      [&services, commit](kv::Transaction& txn) { return Stage(services, txn, *commit); });
  if (!done) {
    if (commit->prepared_id.value() != 0) {
      (void)co_await AbandonPrepared(services, commit->prepared_id);
    }
    co_return Fail(std::move(done.error()));
  }
  commit->stored.Linked(services.chunks);
  co_return commit->stored.crc64;
}

Task<std::uint64_t> SeekNode(Services& services, OpContext context, NodeTarget target,
                             std::uint64_t offset, bool data) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMetaOnPool(services, [target, offset, data](const kv::Reader& reader) {
    return Seek(reader, target, offset, data);
  });
}

}  // namespace forebay::engine
