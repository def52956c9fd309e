#include "rest/dfs/properties.h"

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "base/encoding.h"
#include "rest/blob/responses.h"
#include "rest/dfs/operations.h"

namespace forebay::rest::dfs {
namespace {

void Take(azure::HeaderSpan headers, std::string_view name, std::optional<std::string>& out) {
  if (const auto text = azure::FindHeader(headers, name)) out = std::string(*text);
}

}  // namespace

Result<azure::Metadata> ParseProperties(std::string_view text) {
  const std::string_view whole = text;
  azure::OwnedHeaders fields;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view part = azure::TrimSpace(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    const auto value = equals == std::string_view::npos
                           ? std::nullopt
                           : Base64Decode(azure::TrimSpace(part.substr(equals + 1)));
    if (!value) return Fail(azure::InvalidHeaderError("x-ms-properties", whole));
    // What cannot be a header's value could not be shown by the Blob API.
    for (const char c : *value) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte < 0x20 && c != '\t') || byte == 0x7F) {
        return Fail(azure::InvalidHeaderError("x-ms-properties", whole));
      }
    }
    fields.emplace_back("x-ms-meta-" + std::string(azure::TrimSpace(part.substr(0, equals))),
                        *value);
  }
  const std::vector<azure::HeaderField> views(fields.begin(), fields.end());
  return azure::MetadataFrom(views);
}

std::string FormatProperties(const azure::Metadata& metadata) {
  std::string out;
  for (const auto& [name, value] : metadata) {
    if (!out.empty()) out += ',';
    out += name;
    out += '=';
    out += Base64Of(value);
  }
  return out;
}

Result<std::optional<azure::Metadata>> PropertiesFrom(azure::HeaderSpan headers) {
  const auto text = azure::FindHeader(headers, "x-ms-properties");
  if (!text) return std::optional<azure::Metadata>();
  FB_ASSIGN_OR_RETURN(azure::Metadata metadata, ParseProperties(*text));
  return std::optional(std::move(metadata));
}

Result<engine::HttpHeaderChanges> HttpChangesFrom(azure::HeaderSpan headers) {
  engine::HttpHeaderChanges changes;
  Take(headers, "x-ms-content-type", changes.content_type);
  Take(headers, "x-ms-content-encoding", changes.content_encoding);
  Take(headers, "x-ms-content-language", changes.content_language);
  Take(headers, "x-ms-content-disposition", changes.content_disposition);
  Take(headers, "x-ms-cache-control", changes.cache_control);
  if (const auto md5 = azure::FindHeader(headers, "x-ms-content-md5")) {
    changes.content_md5 = std::string();
    if (!md5->empty()) {
      FB_ASSIGN_OR_RETURN(changes.content_md5, azure::ParseMd5(*md5));
    }
  }
  return changes;
}

void AddProperties(http::Response& response, const azure::Metadata& metadata) {
  response.headers.Add("x-ms-properties", FormatProperties(metadata));
}

void AddAccess(http::Response& response, const azure::AccessControl& access, bool acl) {
  response.headers.Add("x-ms-owner", access.owner);
  response.headers.Add("x-ms-group", access.group);
  response.headers.Add("x-ms-permissions", azure::FormatPermissions(access));
  if (acl) response.headers.Add("x-ms-acl", azure::FormatAcl(access));
}

std::optional<azure::BlobName> PathOf(const Call& call) {
  if (!call.target.blob || NamesRoot(call.target)) return std::nullopt;
  return call.target.blob;
}

Result<bool> QueryFlag(const Call& call, std::string_view name) {
  const auto text = call.target.query.Find(name);
  if (!text || text->empty()) return false;
  const auto value = azure::ParseBool(*text);
  if (!value) return Fail(azure::InvalidQueryError(name, *text));
  return *value;
}

}  // namespace forebay::rest::dfs
