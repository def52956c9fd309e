// Put Block From URL. By reference where the source is a blob of this server.
#include "azure/error_table.h"
#include "azure/ranges.h"
#include "engine/put_block_from_blob.h"
#include "rest/blob/copy_source.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

// Bytes that are shared are not read, so a checksum of them is known only where the request had one
// to verify; records keep none of ranges.
http::Response Staged(const Call& call, const engine::PutBlockResult& result) {
  http::Response response = Empty(201);
  AddBlockChecksums(response, call, result);
  AddServerEncrypted(response);
  return response;
}

Task<http::Response> FromHere(Call& call, LocalSource source, azure::BlockId id,
                              std::optional<azure::RangeRequest> range) {
  engine::PutBlockFromBlobRequest request;
  request.source = std::move(source.target);
  request.target = call.Blob();
  request.block_id = std::move(id);
  FB_CO_ASSIGN_OR_RETURN(request.source_conditions, azure::SourceConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  request.lease_id = conditions.lease_id;
  if (range) {
    const std::uint64_t span = *range->last - range->first;
    // bytes=0-18446744073709551615 would wrap around.
    request.source_range =
        engine::GetBlobRequest::Range{range->first, span == UINT64_MAX ? span : span + 1};
  }
  auto result = co_await engine::PutBlockFromBlob(call.services, call.context, std::move(request));
  if (!result) co_return Fail(LocalCopyError(std::move(result.error())));
  co_return Staged(call, *result);
}

Task<http::Response> FromElsewhere(Call& call, const std::string& url, azure::BlockId id,
                                   std::optional<azure::RangeRequest> range) {
  engine::PutBlockRequest request;
  request.target = call.Blob();
  request.block_id = std::move(id);
  FB_CO_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  request.lease_id = conditions.lease_id;
  FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  std::optional<FetchRequest::Range> wanted;
  if (range) wanted = FetchRequest::Range{range->first, *range->last};
  FB_CO_ASSIGN_OR_RETURN(FetchedSource source, co_await call.sources.Fetch(call, url, wanted));
  if (source.length > engine::kMaxBlockBytes) {
    co_return Fail(Code::kRequestBodyTooLarge, "A block may have at most 4,000 MiB.");
  }
  request.want_md5 = request.expected.md5.has_value();
  request.body = source.body.get();
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::PutBlock(call.services, call.context, std::move(request)));
  co_return Staged(call, result);
}

}  // namespace

Task<http::Response> HandlePutBlockFromUrl(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(azure::BlockId id, BlockIdFrom(call));
  FB_CO_RETURN_IF_ERROR(CheckNoBody(call));
  FB_CO_ASSIGN_OR_RETURN(const std::string url, call.sources.UrlOf(call));
  FB_CO_ASSIGN_OR_RETURN(auto range, azure::SourceRangeFrom(call.headers()));
  if (range && !range->last) {
    co_return Fail(
        azure::InvalidHeaderError("x-ms-source-range", call.Header("x-ms-source-range")));
  }
  FB_CO_ASSIGN_OR_RETURN(auto local, co_await call.sources.FindLocal(call, url));
  if (local) co_return co_await FromHere(call, std::move(*local), std::move(id), range);
  co_return co_await FromElsewhere(call, url, std::move(id), range);
}

}  // namespace forebay::rest
