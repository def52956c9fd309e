#include "lake/azure_headers.h"

#include <algorithm>

#include "azure/metadata.h"
#include "base/encoding.h"
#include "base/http_date.h"

namespace forebay::lake {

void AddConditions(azure::OwnedHeaders& headers, const LakeConditions& conditions) {
  if (!conditions.match.empty()) {
    headers.emplace_back("If-Match", azure::QuoteETag(conditions.match));
  } else if (conditions.present) {
    headers.emplace_back("If-Match", "*");
  }
  if (conditions.absent) {
    headers.emplace_back("If-None-Match", "*");
  } else if (!conditions.none_match.empty()) {
    headers.emplace_back("If-None-Match", azure::QuoteETag(conditions.none_match));
  }
  if (!conditions.lease_id.empty()) headers.emplace_back("x-ms-lease-id", conditions.lease_id);
}

void AddHttpHeaders(azure::OwnedHeaders& headers, const BlobHttpHeaders& http, bool md5) {
  const auto add = [&headers](const char* name, const std::string& value) {
    if (!value.empty()) headers.emplace_back(name, value);
  };
  add("x-ms-blob-content-type", http.content_type);
  add("x-ms-blob-content-encoding", http.content_encoding);
  add("x-ms-blob-content-language", http.content_language);
  add("x-ms-blob-cache-control", http.cache_control);
  add("x-ms-blob-content-disposition", http.content_disposition);
  if (md5 && !http.content_md5.empty()) {
    headers.emplace_back("x-ms-blob-content-md5", Base64Encode(AsBytes(http.content_md5)));
  }
}

void AddMetadata(azure::OwnedHeaders& headers, const Metadata& metadata) {
  for (const auto& [name, value] : metadata) headers.emplace_back("x-ms-meta-" + name, value);
}

void AddTags(azure::OwnedHeaders& headers, const Tags& tags) {
  if (!tags.empty()) headers.emplace_back("x-ms-tags", azure::FormatTagsHeader(tags));
}

void AddTier(azure::OwnedHeaders& headers, std::optional<AccessTier> tier) {
  if (tier) headers.emplace_back("x-ms-access-tier", azure::AccessTierName(*tier));
}

WriteAnswer WriteAnswerOf(const LakeAnswer& answer) {
  WriteAnswer out;
  out.etag = azure::UnquoteETag(answer.Get("ETag"));
  if (const auto time = ParseHttpDate(answer.Get("Last-Modified"))) out.modified = *time;
  if (const auto md5 = azure::ParseMd5(answer.Get("Content-MD5"))) out.content_md5 = *md5;
  out.version_id = answer.Get("x-ms-version-id");
  return out;
}

bool IsDirectory(const BlobState& state) {
  return state.properties.resource_type == "directory" ||
         std::ranges::any_of(state.metadata, [](const auto& entry) {
           return EqualsIgnoreCase(entry.first, "hdi_isfolder") &&
                  EqualsIgnoreCase(entry.second, "true");
         });
}

}  // namespace forebay::lake
