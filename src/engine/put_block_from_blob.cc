#include "engine/put_block_from_blob.h"

#include "engine/container_room.h"
#include "engine/copy_through.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "engine/source.h"
#include "engine/staging.h"

namespace forebay::engine {
namespace {

// A block names at most this many extents; a source cut finer is copied by reading it.
constexpr std::size_t kMaxSharedExtents = 300;

struct SourceRange {
  azure::ETag etag;
  meta::BodyId body;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::vector<meta::Extent> extents;  // empty: too many
};

struct Commit {
  PutBlockFromBlobRequest request;
  SourceRange range;
  meta::BodyId fresh;
  WallTime now;
  meta::StagedBlockRecord block;
};

Result<SourceRange> FindSource(const kv::Reader& reader, const PutBlockFromBlobRequest& request) {
  FB_ASSIGN_OR_RETURN(Place place,
                      RequireSource(reader, request.source, request.source_conditions));
  const meta::BlobRecord& record = *place.existing;
  SourceRange range;
  range.etag = azure::MakeETag(record.etag.value());
  range.body = record.body.id;
  range.offset = request.source_range ? request.source_range->offset : 0;
  if (range.offset >= record.length) {
    return Fail(Code::kInvalidRange,
                "The range specified is invalid for the current size of the resource.");
  }
  range.length = record.length - range.offset;
  if (request.source_range && request.source_range->length) {
    // A block of another length than was asked for would be a silently broken blob.
    if (*request.source_range->length > range.length) {
      return Fail(Code::kInvalidRange, "The source range goes beyond the end of the source.");
    }
    range.length = *request.source_range->length;
  }
  if (range.length > kMaxBlockBytes) {
    return Fail(Code::kRequestBodyTooLarge, "A block holds at most 4,000 MiB.");
  }
  // Bytes of a lake are read through, never shared: they may change there.
  if (record.body.in_lake) return range;
  FB_ASSIGN_OR_RETURN(range.extents, meta::ExtentsOf(reader, record.body, range.offset,
                                                     range.length, kMaxSharedExtents + 1));
  if (range.extents.size() > kMaxSharedExtents) range.extents.clear();
  return range;
}

Result<> Stage(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Place source,
                      RequireSource(txn, commit.request.source, commit.request.source_conditions));
  if (source.existing->body.id != commit.range.body) {
    return Fail(Code::kCannotVerifyCopySource, "The source changed while it was copied.");
  }
  ShareExtents(txn, commit.block.extents, commit.range.body, *commit.block.holder);
  FB_RETURN_IF_ERROR(StageBlock(services, txn,
                                {.target = commit.request.target,
                                 .block_id = commit.request.block_id,
                                 .fresh = commit.fresh,
                                 .now = commit.now,
                                 .block = commit.block,
                                 .lease_id = commit.request.lease_id}));
  return {};
}

Task<PutBlockResult> CopyBytes(Services& services, OpContext context,
                               PutBlockFromBlobRequest request, SourceRange range) {
  GetBlobRequest get;
  get.target = request.source;
  get.conditions.if_match = azure::ETagCondition{.any = false, .etags = {range.etag}};
  get.range = GetBlobRequest::Range{range.offset, range.length};
  FB_CO_ASSIGN_OR_RETURN(GetBlobResult blob, co_await GetBlob(services, context, get));
  SourceReader reader(std::move(blob.body), blob.length);
  PutBlockRequest put;
  put.target = std::move(request.target);
  put.block_id = std::move(request.block_id);
  put.lease_id = std::move(request.lease_id);
  put.expected = std::move(request.expected);
  put.body = &reader;
  co_return co_await PutBlock(services, context, std::move(put));
}

}  // namespace

Task<PutBlockResult> PutBlockFromBlob(Services& services, OpContext context,
                                      PutBlockFromBlobRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await ReadMeta(
      services,
      [&request](const kv::Reader& reader) { return CheckRoomForBlock(reader, request.target); },
      context));
  FB_CO_ASSIGN_OR_RETURN(
      SourceRange range,
      co_await ReadMeta(
          services, [&request](const kv::Reader& reader) { return FindSource(reader, request); },
          context));
  if (range.extents.empty()) {
    co_return co_await CopyBytes(services, context, std::move(request), std::move(range));
  }
  FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, ContainerOf(request.target)));
  FB_CO_RETURN_IF_ERROR(co_await VerifySource(services, context, request.source, range.etag,
                                              range.offset, range.length, request.expected));
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t fresh, services.ids.Next());
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t holder, services.ids.Next());
  auto commit = std::make_shared<Commit>();
  commit->block.size = range.length;
  commit->block.extents = range.extents;
  commit->block.holder = meta::BodyId(holder);
  commit->range = std::move(range);
  commit->request = std::move(request);
  commit->fresh = meta::BodyId(fresh);
  commit->now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [&services, commit](kv::Transaction& txn) { return Stage(services, txn, *commit); }));
  PutBlockResult result;
  result.crc64 = commit->request.expected.crc64;
  result.content_md5 = commit->request.expected.md5.value_or("");
  co_return result;
}

}  // namespace forebay::engine
