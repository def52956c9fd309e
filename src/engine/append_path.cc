#include "engine/append_path.h"

#include <algorithm>

#include "base/codec.h"
#include "engine/body_writer.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/look_up.h"
#include "engine/path_access.h"
#include "engine/prepare.h"
#include "engine/put_block.h"
#include "engine/read_gate.h"
#include "engine/staging.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// As coarse as for staged blocks (engine/staging.cc): parallel appends touch no common record.
constexpr std::chrono::hours kTouchInterval{1};

struct Commit {
  BlobTarget target;
  std::optional<std::string> lease_id;
  std::uint64_t position = 0;
  bool only_if_empty = false;
  azure::BlockId id;
  meta::BodyId fresh;
  meta::BodyId prepared_id;  // 0: not prepared
  WallTime now;
  meta::StagedBlockRecord block;
  StoredBody stored;
};

// For an AppendPathRequest as for a Commit.
Result<Place> RequireFile(const kv::Reader& reader, const auto& append, WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(reader, append.target));
  if (place.existing->directory) {
    return Fail(Code::kPathConflict, "Bytes are appended to files, and this is a directory.");
  }
  FB_RETURN_IF_ERROR(CheckReplaceable(place));
  FB_RETURN_IF_ERROR(CheckLeaseAt(place, append.lease_id, now));
  if (append.only_if_empty) FB_RETURN_IF_ERROR(CheckEmpty(*place.existing));
  if (append.position < place.existing->length) {
    // A late repeat, say. Staged, it would only stand in the way of every flush.
    return Fail(Code::kInvalidFlushPosition,
                "Bytes are appended at the file's length or beyond it, not below.");
  }
  return place;
}

Result<meta::BodyId> OpenGeneration(kv::Transaction& txn, const Place& place,
                                    const Commit& commit) {
  const std::string key = keys::Appends(place.existing->id);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  meta::StagingRecord staging;
  if (stored) {
    FB_ASSIGN_OR_RETURN(staging, meta::DecodeStaging(*stored));
    if (staging.last_block + kTouchInterval >= commit.now) return staging.generation;
  } else {
    staging.generation = commit.fresh;
    staging.created = commit.now;
    staging.id_bytes = static_cast<std::uint32_t>(commit.id.size());
  }
  staging.last_block = commit.now;
  txn.Put(key, meta::Encode(staging));
  return staging.generation;
}

Result<> CommitAppend(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place place, RequireFile(txn, commit, commit.now));
  if (commit.prepared_id.value() != 0) {
    FB_RETURN_IF_ERROR(AdoptPreparedChunks(txn, commit.prepared_id, commit.stored));
  } else {
    commit.stored.LinkAll(services.chunks, txn);
  }
  FB_ASSIGN_OR_RETURN(const meta::BodyId generation, OpenGeneration(txn, place, commit));
  return StoreStagedBlock(services, txn, generation, commit.id, commit.block, commit.now);
}

Result<> CheckRoom(const kv::Reader& reader, const AppendPathRequest& request, WallTime now) {
  if (request.position >= kMaxFileBytes) {
    return Fail(Code::kOutOfRangeQueryParameterValue,
                "The position lies beyond what a file can hold.");
  }
  FB_ASSIGN_OR_RETURN(Place place, RequireFile(reader, request, now));
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Appends(place.existing->id)));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
  FB_ASSIGN_OR_RETURN(auto count, reader.Get(keys::StagedCount(staging.generation)));
  if (kv::CounterValue(count) >= static_cast<std::int64_t>(kMaxUncommittedBlocks)) {
    return Fail(Code::kUncommittedBlockCountExceedsLimit,
                "At most 100,000 pieces can be appended between two flushes.");
  }
  return {};
}

}  // namespace

azure::BlockId AppendId(std::uint64_t position) {
  return azure::BlockId(KeyBuilder().U64(position).Take());
}
std::uint64_t PositionOfAppendId(std::string_view id) { return KeyReader(id).U64(); }

Task<AppendPathResult> AppendPath(Services& services, OpContext context,
                                  AppendPathRequest request) {
  const WallTime now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await ReadMeta(
      services,
      [&request, now](const kv::Reader& reader) { return CheckRoom(reader, request, now); },
      context));
  auto commit = std::make_shared<Commit>();
  const std::uint64_t room = std::min(kMaxBlockBytes, kMaxFileBytes - request.position);
  FB_CO_ASSIGN_OR_RETURN(
      commit->stored,
      co_await StoreBodyIn(
          services, context, ContainerOf(request.target), request.body,
          {.max_bytes = room, .expected = request.expected, .want_md5 = request.want_md5}));
  if (commit->stored.size == 0) {
    co_return Fail(Code::kInvalidHeaderValue, "An append cannot be empty.");
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t fresh, services.ids.Next());
  commit->target = std::move(request.target);
  commit->lease_id = std::move(request.lease_id);
  commit->position = request.position;
  commit->only_if_empty = request.only_if_empty;
  commit->id = AppendId(request.position);
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
  auto done = co_await TransactNamed(services, context, [&services, commit](kv::Transaction& txn) {
    return CommitAppend(services, txn, *commit);
  });
  if (!done) {
    if (commit->prepared_id.value() != 0) {
      (void)co_await AbandonPrepared(services, commit->prepared_id);
    }
    co_return Fail(std::move(done.error()));
  }
  commit->stored.Linked(services.chunks);
  co_return AppendPathResult{commit->stored.size, commit->stored.crc64, commit->stored.md5};
}

}  // namespace forebay::engine
