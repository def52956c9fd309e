#include "rest/blob/pending_copy.h"

#include "base/codec.h"

namespace forebay::rest {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

std::string Encode(const PendingCopy& job) {
  Encoder out;
  out.U8(kVersion);
  out.String(job.target.account.name.view()).U8(job.target.account.hierarchical ? 1 : 0);
  out.String(job.target.container.view()).String(job.target.blob.view());
  out.String(job.url).String(job.source_etag);
  out.String(job.copy.id).String(job.copy.source).Varint(job.copy.bytes_total);
  const azure::BlobHttpHeaders& http = job.attributes.http;
  out.String(http.content_type).String(http.content_encoding).String(http.content_language);
  out.String(http.cache_control).String(http.content_disposition).String(http.content_md5);
  out.U8(job.attributes.tier ? static_cast<std::uint8_t>(*job.attributes.tier) + 1 : 0);
  out.Varint(job.attributes.metadata.size());
  for (const auto& [name, value] : job.attributes.metadata) out.String(name).String(value);
  out.Varint(job.attributes.tags.size());
  for (const auto& [name, value] : job.attributes.tags) out.String(name).String(value);
  return out.Take();
}

Result<PendingCopy> DecodePendingCopy(std::string_view in) {
  Decoder decoder(in);
  if (const auto version = decoder.U8(); decoder.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "A pending copy was written by a newer version; upgrade.");
  }
  PendingCopy job;
  job.target.account.name = azure::AccountName(decoder.String());
  job.target.account.hierarchical = decoder.U8() != 0;
  job.target.container = azure::ContainerName(decoder.String());
  job.target.blob = azure::BlobName(decoder.String());
  job.url = decoder.String();
  job.source_etag = decoder.String();
  job.copy.id = decoder.String();
  job.copy.source = decoder.String();
  job.copy.bytes_total = decoder.Varint();
  azure::BlobHttpHeaders& http = job.attributes.http;
  http.content_type = decoder.String();
  http.content_encoding = decoder.String();
  http.content_language = decoder.String();
  http.cache_control = decoder.String();
  http.content_disposition = decoder.String();
  http.content_md5 = decoder.String();
  const std::uint8_t tier = decoder.U8();
  if (tier > static_cast<std::uint8_t>(azure::AccessTier::kSmart) + 1) {
    return Fail(Code::kCorruption, "A pending copy names an access tier that does not exist.");
  }
  if (tier > 0) job.attributes.tier = static_cast<azure::AccessTier>(tier - 1);
  for (std::uint64_t n = decoder.Varint(); n > 0 && decoder.ok(); --n) {
    std::string name = decoder.String();
    job.attributes.metadata.emplace_back(std::move(name), decoder.String());
  }
  for (std::uint64_t n = decoder.Varint(); n > 0 && decoder.ok(); --n) {
    std::string name = decoder.String();
    job.attributes.tags[std::move(name)] = decoder.String();
  }
  FB_RETURN_IF_ERROR(decoder.Finish("pending copy"));
  return job;
}

}  // namespace forebay::rest
