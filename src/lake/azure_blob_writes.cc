// The client's writes.
#include "azure/xml_documents.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "lake/azure_blob_lake.h"
#include "lake/azure_headers.h"

namespace forebay::lake {
namespace {

// A commit of blocks can be repeated after it has happened only if it names them wherever they are.
bool Repeatable(const CommitRequest& request) {
  return request.conditions.pinned() ||
         std::ranges::all_of(request.blocks, [](const BlockListEntry& entry) {
           return entry.source == BlockSource::kLatest;
         });
}

bool HasETagConditions(const LakeConditions& conditions) {
  return conditions.pinned() || conditions.present || !conditions.none_match.empty();
}

}  // namespace

Task<WriteAnswer> AzureBlobLake::Put(LakeCall call, PutRequest request) {
  LakeSpec spec = Spec(LakeOperation::kPut, Repeat::kTelling, http::Method::kPut, request.name);
  spec.headers.emplace_back("x-ms-blob-type", "BlockBlob");
  AddHttpHeaders(spec.headers, request.http, false);
  if (!request.http.content_md5.empty()) {
    spec.headers.emplace_back("Content-MD5", Base64Encode(AsBytes(request.http.content_md5)));
  }
  AddMetadata(spec.headers, request.metadata);
  AddTags(spec.headers, request.tags);
  AddTier(spec.headers, request.tier);
  AddConditions(spec.headers, request.conditions);
  spec.content = request.content;
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  co_return WriteAnswerOf(answer);
}

Task<> AzureBlobLake::PutBlock(LakeCall call, PutBlockRequest request) {
  LakeSpec spec =
      Spec(LakeOperation::kPutBlock, Repeat::kHarmless, http::Method::kPut, request.name);
  spec.query.Add("comp", "block");
  spec.query.Add("blockid", azure::FormatBlockId(request.id));
  if (!request.lease_id.empty()) spec.headers.emplace_back("x-ms-lease-id", request.lease_id);
  spec.content = request.content;
  FB_CO_RETURN_IF_ERROR(co_await sender_.Run(call, std::move(spec)));
  co_return Result<>();
}

Task<WriteAnswer> AzureBlobLake::CommitBlocks(LakeCall call, CommitRequest request) {
  const Repeat repeat = Repeatable(request) ? Repeat::kTelling : Repeat::kOnce;
  LakeSpec spec = Spec(LakeOperation::kCommitBlocks, repeat, http::Method::kPut, request.name);
  spec.query.Add("comp", "blocklist");
  AddHttpHeaders(spec.headers, request.http, true);
  AddMetadata(spec.headers, request.metadata);
  AddTags(spec.headers, request.tags);
  AddTier(spec.headers, request.tier);
  AddConditions(spec.headers, request.conditions);
  spec.text = azure::BlockListXml(request.blocks);
  // Its own bytes, so that a list damaged on its way is refused.
  const Md5Digest digest = Md5::Of(AsBytes(spec.text));
  spec.headers.emplace_back("Content-MD5", Base64Encode(digest));
  spec.headers.emplace_back("Content-Type", "application/xml");
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  WriteAnswer out = WriteAnswerOf(answer);
  out.content_md5.clear();  // of the list, not of the blob
  co_return out;
}

Task<CopyAnswer> AzureBlobLake::Copy(LakeCall call, CopyRequest request) {
  LakeSpec spec =
      Spec(LakeOperation::kCopy, Repeat::kTelling, http::Method::kPut, request.destination);
  std::string source = endpoint_.origin + endpoint_.BlobPath(request.source.view());
  FB_CO_ASSIGN_OR_RETURN(
      const Credential::SourceAccess access,
      co_await credential_->AuthorizeSource(call.context, endpoint_.prefix + request.source.str()));
  if (!access.query.empty()) source += "?" + access.query;
  spec.headers.emplace_back("x-ms-copy-source", std::move(source));
  if (request.synchronous) {
    spec.headers.emplace_back("x-ms-blob-type", "BlockBlob");
    if (!access.authorization.empty()) {
      spec.headers.emplace_back("x-ms-copy-source-authorization", access.authorization);
    }
  }
  if (!request.source_match.empty()) {
    spec.headers.emplace_back("x-ms-source-if-match", azure::QuoteETag(request.source_match));
  }
  if (request.metadata) AddMetadata(spec.headers, *request.metadata);
  if (request.tags) AddTags(spec.headers, *request.tags);
  AddTier(spec.headers, request.tier);
  if (request.priority == RehydratePriority::kHigh) {
    spec.headers.emplace_back("x-ms-rehydrate-priority", "High");
  }
  AddConditions(spec.headers, request.conditions);
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  CopyAnswer out;
  out.write = WriteAnswerOf(answer);
  out.copy_id = answer.Get("x-ms-copy-id");
  out.status =
      answer.Get("x-ms-copy-status") == "pending" ? CopyStatus::kPending : CopyStatus::kSuccess;
  co_return out;
}

Task<UpdateAnswer> AzureBlobLake::Update(LakeCall call, UpdateRequest request) {
  LakeSpec spec = Spec(LakeOperation::kUpdate, Repeat::kTelling, http::Method::kPut, request.name);
  bool rewrites = false;
  if (const auto* properties = std::get_if<SetProperties>(&request.change)) {
    rewrites = true;
    spec.query.Add("comp", "properties");
    AddHttpHeaders(spec.headers, properties->http, true);
  } else if (const auto* metadata = std::get_if<SetMetadata>(&request.change)) {
    rewrites = true;
    spec.query.Add("comp", "metadata");
    AddMetadata(spec.headers, metadata->metadata);
  } else if (const auto* tags = std::get_if<SetTags>(&request.change)) {
    spec.repeat = Repeat::kHarmless;
    spec.query.Add("comp", "tags");
    spec.text = azure::TagsXml(tags->tags);
    spec.headers.emplace_back("Content-Type", "application/xml");
  } else if (const auto* tier = std::get_if<SetTier>(&request.change)) {
    spec.repeat = Repeat::kHarmless;
    spec.query.Add("comp", "tier");
    AddTier(spec.headers, tier->tier);
    if (tier->priority == RehydratePriority::kHigh) {
      spec.headers.emplace_back("x-ms-rehydrate-priority", "High");
    }
  } else {
    spec.query.Add("comp", "copy");
    spec.query.Add("copyid", std::get<AbortCopy>(request.change).copy_id);
    spec.headers.emplace_back("x-ms-copy-action", "abort");
  }
  if (!rewrites && HasETagConditions(request.conditions)) {
    co_return Fail(Code::kUnsupported, "This change takes no ETag.");
  }
  AddConditions(spec.headers, request.conditions);
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  UpdateAnswer out;
  out.pending = std::holds_alternative<SetTier>(request.change) && answer.status == 202;
  if (rewrites) {
    const WriteAnswer about = WriteAnswerOf(answer);
    out.etag = about.etag;
    out.modified = about.modified;
  }
  co_return out;
}

Task<> AzureBlobLake::Delete(LakeCall call, DeleteRequest request) {
  if (request.recursive) co_return co_await DeleteTree(std::move(call), std::move(request));
  LakeSpec spec =
      Spec(LakeOperation::kDelete, Repeat::kTelling, http::Method::kDelete, request.name);
  spec.gone_is_success = true;
  AddConditions(spec.headers, request.conditions);
  if (request.snapshots == SnapshotsToo::kInclude) {
    spec.headers.emplace_back("x-ms-delete-snapshots", "include");
  }
  FB_CO_RETURN_IF_ERROR(co_await sender_.Run(call, std::move(spec)));
  co_return Result<>();
}

}  // namespace forebay::lake
