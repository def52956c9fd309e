#include "rest/blob/responses.h"

#include <algorithm>
#include <chrono>

#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/path_access.h"
#include "rest/blob/copy_jobs.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/source_fetcher.h"

namespace forebay::rest {
namespace {

// From this version on a download shows the access tier, and a block both its checksums.
constexpr azure::ServiceVersion kTierOfDownloads{2026, 10, 6};
constexpr azure::ServiceVersion kBothChecksums{2026, 10, 6};

void AddIf(http::Response& response, std::string_view name, std::string_view value) {
  if (!value.empty()) response.headers.Add(std::string(name), std::string(value));
}

// A SAS override wins over what is stored.
std::string_view Either(const std::string& overriding, const std::string& stored) {
  return overriding.empty() ? std::string_view(stored) : std::string_view(overriding);
}

void AddContentHeaders(http::Response& response, const Call& call,
                       const azure::BlobHttpHeaders& http, bool ranged) {
  const azure::HeaderOverrides& overrides = call.auth.overrides;
  AddIf(response, "Cache-Control", Either(overrides.cache_control, http.cache_control));
  AddIf(response, "Content-Disposition",
        Either(overrides.content_disposition, http.content_disposition));
  AddIf(response, "Content-Encoding", Either(overrides.content_encoding, http.content_encoding));
  AddIf(response, "Content-Language", Either(overrides.content_language, http.content_language));
  const std::string_view type = Either(overrides.content_type, http.content_type);
  response.headers.Add("Content-Type",
                       std::string(type.empty() ? "application/octet-stream" : type));
  if (!http.content_md5.empty()) {
    response.headers.Add(ranged ? "x-ms-blob-content-md5" : "Content-MD5",
                         Base64Of(http.content_md5));
  }
}

void AddCopyHeaders(http::Response& response, const Call& call, const azure::CopyState& copy) {
  if (copy.status == azure::CopyStatus::kNone) return;
  response.headers.Add("x-ms-copy-id", copy.id);
  response.headers.Add("x-ms-copy-source", copy.source);
  response.headers.Add("x-ms-copy-status", std::string(azure::CopyStatusName(copy.status)));
  AddIf(response, "x-ms-copy-status-description", copy.description);
  std::uint64_t copied = copy.bytes_copied;
  if (copy.status == azure::CopyStatus::kPending) {
    copied = call.copies.Progress(copy.id).value_or(copied);
  }
  response.headers.Add("x-ms-copy-progress",
                       std::to_string(copied) + "/" + std::to_string(copy.bytes_total));
  if (copy.completed) {
    response.headers.Add("x-ms-copy-completion-time", azure::FormatHttpDate(*copy.completed));
  }
}

void AddTierHeaders(http::Response& response, const Call& call,
                    const azure::BlobProperties& properties) {
  const azure::AccessTier tier =
      properties.tier_inferred ? call.account->default_tier : properties.tier;
  response.headers.Add("x-ms-access-tier", std::string(azure::AccessTierName(tier)));
  if (properties.tier_inferred) response.headers.Add("x-ms-access-tier-inferred", "true");
  if (properties.tier_changed) {
    response.headers.Add("x-ms-access-tier-change-time",
                         azure::FormatHttpDate(*properties.tier_changed));
  }
  if (!properties.rehydrating_to) return;
  response.headers.Add(
      "x-ms-archive-status",
      "rehydrate-pending-to-" +
          ToLowerAscii(std::string(azure::AccessTierName(*properties.rehydrating_to))));
  response.headers.Add("x-ms-rehydrate-priority",
                       std::string(azure::RehydratePriorityName(properties.rehydrate_priority)));
}

bool HasBody(unsigned status) { return status != 304 && status != 204; }

}  // namespace

std::string Base64Of(std::string_view raw) { return Base64Encode(AsBytes(raw)); }

http::Response Empty(unsigned status) {
  http::Response response;
  response.status = status;
  return response;
}

http::Response Xml(std::string document) {
  http::Response response;
  response.headers.Add("Content-Type", "application/xml");
  response.text = std::move(document);
  return response;
}

void AddChanged(http::Response& response, const engine::Changed& changed) {
  response.headers.Add("ETag", azure::QuoteETag(changed.etag));
  response.headers.Add("Last-Modified", azure::FormatHttpDate(changed.last_modified));
}

void AddServerEncrypted(http::Response& response) {
  response.headers.Add("x-ms-request-server-encrypted", "true");
}

http::Response Written(unsigned status, const engine::Changed& changed) {
  http::Response response = Empty(status);
  AddChanged(response, changed);
  AddServerEncrypted(response);
  return response;
}

void AddBlockChecksums(http::Response& response, const Call& call,
                       const engine::PutBlockResult& block) {
  if (!block.content_md5.empty()) {
    response.headers.Add("Content-MD5", Base64Of(block.content_md5));
    if (call.version < kBothChecksums) return;
  }
  if (block.crc64) response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(*block.crc64));
}

void AddMetadata(http::Response& response, const azure::Metadata& metadata) {
  for (const auto& [name, value] : metadata) response.headers.Add("x-ms-meta-" + name, value);
}

void AddResidency(http::Response& response, const std::optional<engine::Resident>& resident) {
  if (!resident) return;
  response.headers.Add("x-forebay-residency", engine::ResidencyName(resident->residency));
  response.headers.Add("x-forebay-resident-bytes", std::to_string(resident->bytes));
}

void AddBlobHeaders(http::Response& response, const Call& call, const BlobView& view) {
  const azure::BlobProperties properties = engine::PropertiesOf(view.record, view.hierarchical);
  http::Headers& headers = response.headers;
  AddContentHeaders(response, call, properties.http, view.ranged);
  headers.Add("Last-Modified", azure::FormatHttpDate(properties.last_modified));
  headers.Add("Accept-Ranges", "bytes");
  headers.Add("ETag", azure::QuoteETag(properties.etag));
  headers.Add("x-ms-creation-time", azure::FormatHttpDate(properties.created));
  headers.Add("x-ms-blob-type", std::string(azure::BlobTypeName(properties.type)));
  AddLeaseHeaders(response, view.record.lease, call.now);
  headers.Add("x-ms-server-encrypted", "true");
  const bool with_tier = view.of_properties || call.version >= kTierOfDownloads;
  if (with_tier && !view.record.directory) AddTierHeaders(response, call, properties);
  if (properties.tag_count > 0) {
    headers.Add("x-ms-tag-count", std::to_string(properties.tag_count));
  }
  AddCopyHeaders(response, call, properties.copy);
  AddMetadata(response, view.record.metadata);
  AddResidency(response, view.resident);
  if (!view.hierarchical) return;
  const azure::AccessControl access = engine::AccessOf(view.record);
  headers.Add("x-ms-owner", access.owner);
  headers.Add("x-ms-group", access.group);
  headers.Add("x-ms-permissions", azure::FormatPermissions(access));
  headers.Add("x-ms-acl", azure::FormatAcl(access));
  if (view.record.expires) {
    headers.Add("x-ms-expiry-time", azure::FormatHttpDate(*view.record.expires));
  }
  headers.Add("x-ms-resource-type", view.record.directory ? "directory" : "file");
  AddFolderMark(response, view.record);
}

void AddFolderMark(http::Response& response, const meta::BlobRecord& record) {
  if (!record.directory || response.headers.Has("x-ms-meta-hdi_isfolder")) return;
  response.headers.Add("x-ms-meta-hdi_isfolder", "true");
}

http::Response NotModified(const Call& call, const meta::BlobRecord& record) {
  http::Response response = Empty(304);
  AddChanged(response, {azure::MakeETag(record.etag.value()), record.modified});
  AddIf(response, "Cache-Control",
        Either(call.auth.overrides.cache_control, record.http.cache_control));
  response.headers.Add("x-ms-error-code", std::string(azure::WireErrorOf(Code::kNotModified).name));
  return response;
}

http::Response ErrorResponse(const Error& error, const std::string& request_id, bool is_head,
                             WallTime now) {
  const azure::WireError& wire = azure::WireErrorOf(error.code());
  http::Response response = Empty(wire.status);
  if (const auto source = SourceStatusOf(error)) {
    // A copy source that cannot be read: its own status, where that is an error's.
    if (*source >= 400) response.status = *source;
    response.headers.Add("x-ms-copy-source-status-code", std::to_string(*source));
  }
  response.headers.Add("x-ms-error-code", std::string(wire.name));
  if (wire.status == 401) {
    // Azure names a tenant here. Bearer tokens are not offered, so the challenge only says what is.
    response.headers.Add("WWW-Authenticate", "SharedKey");
  }
  if (wire.status == 503) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(error.retry_after()).count();
    response.headers.Add("Retry-After", std::to_string(std::clamp<std::int64_t>(wait, 1, 3600)));
  }
  if (is_head || !HasBody(wire.status)) return response;
  response.headers.Add("Content-Type", "application/xml");
  response.text = azure::ErrorXml(error, request_id, now);
  return response;
}

}  // namespace forebay::rest
