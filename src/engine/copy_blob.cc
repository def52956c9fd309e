#include "engine/copy_blob.h"

#include "engine/acknowledge.h"
#include "engine/commit.h"
#include "engine/container_room.h"
#include "engine/copy_through.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "engine/source.h"

namespace forebay::engine {
namespace {

struct Commit {
  CopyBlobRequest request;
  Stamp stamp;
  meta::BlobId blob_id;
  CopyBlobResult result;
};

// A copy within the account that names an online tier is one of the two ways out of Archive.
bool Rehydrates(const CopyBlobRequest& request) {
  return request.tier && *request.tier != azure::AccessTier::kArchive &&
         request.source.account.name == request.target.account.name;
}

meta::BlobRecord CopyRecord(const Commit& commit, const meta::BlobRecord& source) {
  const CopyBlobRequest& request = commit.request;
  BlobAttributes attributes;
  attributes.http = request.http.value_or(source.http);
  attributes.metadata = request.metadata.value_or(source.metadata);
  if (request.tags) {
    attributes.tags = *request.tags;
  } else if (request.copy_tags) {
    attributes.tags = source.tags;
  }
  attributes.tier = request.tier;
  meta::BlobRecord record = NewRecord(commit.blob_id, attributes, commit.stamp);
  // The bytes are the source's, and so is what is known of them.
  if (record.http.content_md5.empty()) record.http.content_md5 = source.http.content_md5;
  record.length = source.length;
  record.holes = source.holes;
  record.body = source.body;
  if (request.copy_source_url) {
    record.copy.status = azure::CopyStatus::kSuccess;
    record.copy.id = request.copy_id;
    record.copy.source = *request.copy_source_url;
    record.copy.completed = commit.stamp.now;
    record.copy.bytes_copied = source.length;
    record.copy.bytes_total = source.length;
  }
  return record;
}

Result<> Copy(Services& services, kv::Transaction& txn, Commit& commit, const azure::ETag& etag) {
  const CopyBlobRequest& request = commit.request;
  FB_ASSIGN_OR_RETURN(Place source, RequireSource(txn, request.source, request.source_conditions,
                                                  Rehydrates(request)));
  const meta::BlobRecord& from = *source.existing;
  if (azure::MakeETag(from.etag.value()) != etag) {
    return Fail(Code::kCannotVerifyCopySource, "The source changed while it was copied.");
  }
  if (from.body.in_lake) return Fail(Code::kStale, "The source's bytes have left for the lake.");
  FB_ASSIGN_OR_RETURN(Place target, FindPlace(txn, request.target));
  FB_RETURN_IF_ERROR(CheckWriteAt(target, request.conditions, commit.stamp.now));
  meta::BlobRecord record = CopyRecord(commit, from);
  commit.result.changed = ChangedBy(commit.stamp);
  commit.result.length = from.length;
  commit.result.content_md5 = from.http.content_md5;
  // Before the old body is released: a copy onto itself must keep it.
  if (record.body.id.value() != 0) ShareBody(txn, record.body.id, from.id, record.id);
  return Replace(services, txn, target, std::move(record));
}

}  // namespace

Task<CopyBlobResult> CopyBlob(Services& services, OpContext context, CopyBlobRequest request) {
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  FB_CO_ASSIGN_OR_RETURN(meta::BlobRecord source,
                         co_await ReadMeta(
                             services,
                             [&request](const kv::Reader& reader) -> Result<meta::BlobRecord> {
                               FB_ASSIGN_OR_RETURN(
                                   Place place,
                                   RequireSource(reader, request.source, request.source_conditions,
                                                 Rehydrates(request)));
                               return std::move(*place.existing);
                             },
                             context));
  // Bytes of a lake are read through, never shared: they may change there.
  if (source.body.in_lake) {
    co_return co_await CopyThrough(services, context, std::move(request), std::move(source));
  }
  FB_CO_RETURN_IF_ERROR(co_await AwaitRoomIn(services, context, ContainerOf(request.target)));
  const azure::ETag etag = azure::MakeETag(source.etag.value());
  FB_CO_RETURN_IF_ERROR(co_await VerifySource(services, context, request.source, etag, 0,
                                              source.length, request.expected));
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t blob_id, services.ids.Next());
  auto commit = std::make_shared<Commit>();
  commit->request = std::move(request);
  commit->stamp = MakeStamp(services);
  commit->blob_id = meta::BlobId(blob_id);
  FB_CO_RETURN_IF_ERROR(co_await TransactAcknowledged(
      services, context, commit->request.target, [&services, commit, etag](kv::Transaction& txn) {
        return Copy(services, txn, *commit, etag);
      }));
  co_return std::move(commit->result);
}

}  // namespace forebay::engine
