#include "rest/blob/attributes.h"

#include <array>

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "base/encoding.h"

namespace forebay::rest {

Result<engine::BlobAttributes> AttributesFrom(azure::HeaderSpan headers, bool standard_too) {
  engine::BlobAttributes out;
  FB_ASSIGN_OR_RETURN(out.http, azure::HttpHeadersFrom(headers, standard_too));
  FB_ASSIGN_OR_RETURN(out.metadata, azure::MetadataFrom(headers));
  FB_ASSIGN_OR_RETURN(out.tags, azure::TagsFrom(headers));
  FB_ASSIGN_OR_RETURN(out.tier, azure::TierFromHeaders(headers));
  return out;
}

bool IsFolder(const azure::Metadata& metadata) {
  for (const auto& [name, value] : metadata) {
    if (EqualsIgnoreCase(name, "hdi_isfolder")) return EqualsIgnoreCase(value, "true");
  }
  return false;
}

Result<> RefuseUnofferedHeaders(azure::HeaderSpan headers, azure::Operation operation) {
  static constexpr auto kRefused = std::to_array<std::string_view>({
      "x-ms-encryption-key",
      "x-ms-encryption-key-sha256",
      "x-ms-encryption-algorithm",
      "x-ms-encryption-scope",
      "x-ms-source-encryption-key",
      "x-ms-immutability-policy-until-date",
      "x-ms-immutability-policy-mode",
      "x-ms-expiry-option",
  });
  constexpr std::string_view kCommon = "x-ms-";
  for (const auto& [name, value] : headers) {
    if (name.size() < 15 || !EqualsIgnoreCase(std::string_view(name).substr(0, 5), kCommon)) {
      continue;
    }
    for (const std::string_view refused : kRefused) {
      if (refused == "x-ms-expiry-option" && operation == azure::Operation::kSetBlobExpiry)
        continue;
      if (EqualsIgnoreCase(name, refused)) {
        // The value may be a key: it does not go into the answer.
        return Fail(azure::UnsupportedHeaderError(refused, ""));
      }
    }
    if (EqualsIgnoreCase(name, "x-ms-legal-hold") && EqualsIgnoreCase(value, "true")) {
      return Fail(azure::UnsupportedHeaderError(name, value));
    }
  }
  return {};
}

}  // namespace forebay::rest
