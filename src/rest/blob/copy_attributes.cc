#include "rest/blob/copy_attributes.h"

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "base/encoding.h"

namespace forebay::rest {
namespace {

constexpr std::string_view kTagOption = "x-ms-copy-source-tag-option";

void TakeIfEmpty(std::string& part, std::string_view source) {
  if (part.empty()) part = std::string(source);
}

}  // namespace

Result<CopyAttributes> CopyAttributesFrom(azure::HeaderSpan headers) {
  CopyAttributes out;
  FB_ASSIGN_OR_RETURN(out.http, azure::HttpHeadersFrom(headers, false));
  if (azure::HasMetadata(headers)) {
    FB_ASSIGN_OR_RETURN(out.metadata, azure::MetadataFrom(headers));
  }
  const bool has_tags = azure::FindHeader(headers, "x-ms-tags").has_value();
  if (has_tags) {
    FB_ASSIGN_OR_RETURN(out.tags, azure::TagsFrom(headers));
  }
  if (const auto option = azure::FindHeader(headers, kTagOption)) {
    out.copy_tags = EqualsIgnoreCase(*option, "COPY");
    if (!out.copy_tags && !EqualsIgnoreCase(*option, "REPLACE")) {
      return Fail(azure::InvalidHeaderError(kTagOption, *option));
    }
    if (out.copy_tags && has_tags) {
      return Fail(
          Code::kBothTagsAndTagCopyPresent,
          "x-ms-tags must not be present together with x-ms-copy-source-tag-option as COPY.");
    }
  }
  FB_ASSIGN_OR_RETURN(out.tier, azure::TierFromHeaders(headers));
  // Only checked: a copy out of Archive is done when it answers.
  FB_RETURN_IF_ERROR(azure::RehydratePriorityFromHeaders(headers));
  return out;
}

azure::BlobHttpHeaders MergeHttp(azure::BlobHttpHeaders given,
                                 const azure::BlobHttpHeaders& source) {
  TakeIfEmpty(given.content_type, source.content_type);
  TakeIfEmpty(given.content_encoding, source.content_encoding);
  TakeIfEmpty(given.content_language, source.content_language);
  TakeIfEmpty(given.cache_control, source.cache_control);
  TakeIfEmpty(given.content_disposition, source.content_disposition);
  TakeIfEmpty(given.content_md5, source.content_md5);
  return given;
}

azure::BlobHttpHeaders OnlyMd5(const azure::BlobHttpHeaders& source) {
  azure::BlobHttpHeaders out;
  out.content_type = "application/octet-stream";
  out.content_md5 = source.content_md5;
  return out;
}

Result<engine::BlobAttributes> RemoteAttributes(CopyAttributes given, const http::Headers& answer,
                                                bool with_properties) {
  if (given.copy_tags) return Fail(azure::UnsupportedHeaderError(kTagOption, "COPY"));
  engine::BlobAttributes out;
  azure::BlobHttpHeaders source;
  source.content_type = "application/octet-stream";
  if (with_properties) {
    const std::string_view type = answer.Get("content-type");
    if (!type.empty()) source.content_type = std::string(type);
    source.content_encoding = std::string(answer.Get("content-encoding"));
    source.content_language = std::string(answer.Get("content-language"));
    source.cache_control = std::string(answer.Get("cache-control"));
    source.content_disposition = std::string(answer.Get("content-disposition"));
  }
  // The MD5 is computed of what arrives, not believed.
  out.http = MergeHttp(std::move(given.http), source);
  const std::vector<azure::HeaderField> fields(answer.begin(), answer.end());
  if (given.metadata) {
    out.metadata = std::move(*given.metadata);
  } else if (auto metadata = azure::MetadataFrom(fields)) {
    out.metadata = std::move(*metadata);
  }
  if (given.tags) out.tags = std::move(*given.tags);
  out.tier = given.tier;
  return out;
}

}  // namespace forebay::rest
