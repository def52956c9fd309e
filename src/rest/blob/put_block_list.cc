#include "engine/put_block_list.h"

#include "azure/xml_documents.h"
#include "base/checksum.h"
#include "rest/blob/attributes.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

engine::BlockSource SourceOf(azure::BlockSource source) {
  switch (source) {
    case azure::BlockSource::kCommitted:
      return engine::BlockSource::kCommitted;
    case azure::BlockSource::kUncommitted:
      return engine::BlockSource::kUncommitted;
    case azure::BlockSource::kLatest:
      return engine::BlockSource::kLatest;
  }
  return engine::BlockSource::kLatest;
}

Result<std::vector<engine::BlockListEntry>> ParseBlocks(std::string_view document) {
  FB_ASSIGN_OR_RETURN(auto entries, azure::ParseBlockList(document));
  std::vector<engine::BlockListEntry> blocks;
  blocks.reserve(entries.size());
  for (azure::BlockListEntry& entry : entries) {
    blocks.push_back({SourceOf(entry.source), std::move(entry.id)});
  }
  return blocks;
}

// 50,000 ids are tens of milliseconds of parsing, in which an event loop would answer nobody.
Task<std::vector<engine::BlockListEntry>> BlocksOf(Call& call, const std::string& document) {
  constexpr std::size_t kShort = 64 << 10;
  if (document.size() <= kShort) co_return ParseBlocks(document);
  co_return co_await call.services.pool.Run([&document] { return ParseBlocks(document); });
}

}  // namespace

Task<http::Response> HandlePutBlockList(Call& call) {
  engine::PutBlockListRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  // The standard Content-* headers describe the list, not the blob.
  FB_CO_ASSIGN_OR_RETURN(request.attributes, AttributesFrom(call.headers(), false));
  if (request.attributes.http.content_type.empty()) {
    request.attributes.http.content_type = "application/octet-stream";
  }
  FB_CO_ASSIGN_OR_RETURN(std::string document,
                         co_await ReadDocument(call, azure::kMaxBlockListXmlBytes));
  FB_CO_ASSIGN_OR_RETURN(request.blocks, co_await BlocksOf(call, document));
  auto changed = co_await engine::PutBlockList(call.services, call.context, std::move(request));
  if (!changed) co_return Fail(OverwriteError(call, std::move(changed.error())));
  http::Response response = Written(201, *changed);
  // Checksums of the list itself, so that the client sees what arrived.
  if (call.request.headers.Has("content-md5")) {
    response.headers.Add("Content-MD5", std::string(call.Header("content-md5")));
  } else {
    response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(Crc64(AsBytes(document))));
  }
  co_return response;
}

}  // namespace forebay::rest
