#include "engine/copy_through.h"

#include <algorithm>

#include "engine/get_blob.h"

namespace forebay::engine {

Task<std::size_t> SourceReader::Read(MutableByteView data) {
  while (rest_.empty()) {
    if (!source_) co_return std::size_t{0};
    FB_CO_ASSIGN_OR_RETURN(piece_, co_await source_->Next(/*allow_file=*/false));
    if (!piece_) co_return std::size_t{0};
    rest_ = piece_->memory;
  }
  const std::size_t n = std::min(data.size(), rest_.size());
  std::copy_n(rest_.begin(), n, data.begin());
  rest_ = rest_.subspan(n);
  co_return n;
}

Task<CopyBlobResult> CopyThrough(Services& services, OpContext context, CopyBlobRequest request,
                                 meta::BlobRecord source) {
  if (source.length > kMaxPutBlobBytes) {
    co_return Fail(Code::kSourceTooLarge, "The source is too large to be copied in one request.");
  }
  GetBlobRequest get;
  get.target = std::move(request.source);
  get.conditions.if_match =
      azure::ETagCondition{.any = false, .etags = {azure::MakeETag(source.etag.value())}};
  auto opened = co_await GetBlob(services, context, std::move(get));
  if (!opened && opened.error().code() == Code::kConditionNotMet) {
    co_return Fail(Code::kCannotVerifyCopySource, "The source changed while it was copied.");
  }
  if (!opened) co_return Fail(std::move(opened.error()));
  SourceReader reader(std::move(opened->body), opened->length);

  PutBlobRequest put;
  put.target = std::move(request.target);
  put.conditions = std::move(request.conditions);
  put.attributes.http = request.http.value_or(source.http);
  if (put.attributes.http.content_md5.empty()) {
    put.attributes.http.content_md5 = source.http.content_md5;
  }
  put.attributes.metadata = request.metadata.value_or(source.metadata);
  if (request.tags) {
    put.attributes.tags = *request.tags;
  } else if (request.copy_tags) {
    put.attributes.tags = source.tags;
  }
  put.attributes.tier = request.tier;
  put.expected = std::move(request.expected);
  put.body = &reader;
  if (request.copy_source_url) {
    put.copy.status = azure::CopyStatus::kSuccess;
    put.copy.id = request.copy_id;
    put.copy.source = *request.copy_source_url;
    put.copy.completed = services.clock.Now();
    put.copy.bytes_copied = source.length;
    put.copy.bytes_total = source.length;
  }
  FB_CO_ASSIGN_OR_RETURN(PutBlobResult stored, co_await PutBlob(services, context, std::move(put)));
  CopyBlobResult result;
  result.changed = stored.changed;
  result.length = source.length;
  result.content_md5 =
      source.http.content_md5.empty() ? stored.content_md5 : source.http.content_md5;
  co_return result;
}

}  // namespace forebay::engine
