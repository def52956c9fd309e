#include "engine/put_block.h"

#include "engine/body_writer.h"
#include "engine/container_room.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"
#include "engine/staging.h"

namespace forebay::engine {
namespace {

struct Commit {
  BlobTarget target;
  azure::BlockId block_id;
  meta::BodyId fresh;
  meta::BodyId prepared_id;  // 0: not prepared
  WallTime now;
  meta::StagedBlockRecord block;
  StoredBody stored;
  std::string copy_id;
  std::optional<std::string> lease_id;
};

Result<> CommitBlock(Services& services, kv::Transaction& txn, const Commit& commit) {
  if (commit.prepared_id.value() != 0) {
    FB_RETURN_IF_ERROR(AdoptPreparedChunks(txn, commit.prepared_id, commit.stored));
  } else {
    commit.stored.LinkAll(services.chunks, txn);
  }
  FB_RETURN_IF_ERROR(StageBlock(services, txn,
                                {.target = commit.target,
                                 .block_id = commit.block_id,
                                 .fresh = commit.fresh,
                                 .now = commit.now,
                                 .block = commit.block,
                                 .copy_id = commit.copy_id,
                                 .lease_id = commit.lease_id}));
  return {};
}

}  // namespace

Task<PutBlockResult> PutBlock(Services& services, OpContext context, PutBlockRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await ReadMeta(
      services,
      [&request](const kv::Reader& reader) {
        return CheckRoomForBlock(reader, request.target, request.copy_id);
      },
      context));
  auto commit = std::make_shared<Commit>();
  FB_CO_ASSIGN_OR_RETURN(
      commit->stored,
      co_await StoreBodyIn(services, context, ContainerOf(request.target), request.body,
                           {.max_bytes = kMaxBlockBytes,
                            .expected = request.expected,
                            .want_md5 = request.want_md5}));
  if (commit->stored.size == 0) {
    co_return Fail(Code::kInvalidHeaderValue, "A block cannot be empty.");
  }
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t fresh, services.ids.Next());
  commit->target = std::move(request.target);
  commit->block_id = std::move(request.block_id);
  commit->copy_id = std::move(request.copy_id);
  commit->lease_id = std::move(request.lease_id);
  commit->fresh = meta::BodyId(fresh);
  commit->now = services.clock.Now();
  commit->block.size = commit->stored.size;
  commit->block.extents = commit->stored.extents;
  commit->block.crc64 = commit->stored.crc64;
  if (NeedsPreparing(services, commit->stored)) {
    FB_CO_ASSIGN_OR_RETURN(std::uint64_t id, services.ids.Next());
    commit->prepared_id = meta::BodyId(id);
    FB_CO_RETURN_IF_ERROR(co_await PrepareStoredBody(services, context, commit->prepared_id,
                                                     {commit, &commit->stored}));
  }
  auto done = co_await services.store.Transact(
      [&services, commit](kv::Transaction& txn) { return CommitBlock(services, txn, *commit); });
  if (!done) {
    if (commit->prepared_id.value() != 0) {
      (void)co_await AbandonPrepared(services, commit->prepared_id);
    }
    co_return Fail(std::move(done.error()));
  }
  commit->stored.Linked(services.chunks);
  co_return PutBlockResult{commit->stored.crc64, commit->stored.md5};
}

}  // namespace forebay::engine
