// Path Read and Path Get Properties (getStatus, getAccessControl).
#include "azure/error_table.h"
#include "azure/ranges.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "engine/get_blob.h"
#include "engine/path_access.h"
#include "engine/path_status.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

void AddIf(http::Response& response, std::string_view name, const std::string& value) {
  if (!value.empty()) response.headers.Add(name, value);
}

// What a path is, but for its length and access control.
void AddPathHeaders(http::Response& response, const Call& call, const meta::BlobRecord& record,
                    bool ranged) {
  AddChanged(response, {azure::MakeETag(record.etag.value()), record.modified});
  response.headers.Add("Accept-Ranges", "bytes");
  const azure::BlobHttpHeaders& http = record.http;
  response.headers.Add("Content-Type", http.content_type.empty()
                                           ? std::string("application/octet-stream")
                                           : http.content_type);
  AddIf(response, "Cache-Control", http.cache_control);
  AddIf(response, "Content-Disposition", http.content_disposition);
  AddIf(response, "Content-Encoding", http.content_encoding);
  AddIf(response, "Content-Language", http.content_language);
  if (!http.content_md5.empty()) {
    response.headers.Add(ranged ? "x-ms-content-md5" : "Content-MD5", Base64Of(http.content_md5));
  }
  response.headers.Add("x-ms-resource-type", record.directory ? "directory" : "file");
  response.headers.Add("x-ms-creation-time", azure::FormatHttpDate(record.created));
  if (record.expires) {
    response.headers.Add("x-ms-expiry-time", azure::FormatHttpDate(*record.expires));
  }
  AddProperties(response, record.metadata);
  AddLeaseHeaders(response, record.lease, call.now);
  response.headers.Add("x-ms-server-encrypted", "true");
}

Result<std::optional<engine::GetBlobRequest::Range>> RangeOf(
    const std::optional<azure::RangeRequest>& range) {
  using Range = std::optional<engine::GetBlobRequest::Range>;
  if (!range) return Range();
  engine::GetBlobRequest::Range out{range->first, std::nullopt};
  if (range->last) {
    const std::uint64_t span = *range->last - range->first;
    // bytes=0-18446744073709551615 would wrap around.
    if (span != UINT64_MAX) out.length = span + 1;
  }
  return Range(out);
}

// x-ms-range-get-content-md5: reads the range, 4 MiB at most, into memory.
Task<> AddRangeMd5(http::Response& response, engine::GetBlobResult& file) {
  if (file.length > azure::kMaxChecksumRange) {
    co_return Fail(Code::kOutOfRangeInput,
                   "A range for which a checksum is asked may have at most 4 MiB.");
  }
  std::string content;
  if (file.body != nullptr) {
    FB_CO_ASSIGN_OR_RETURN(content, co_await engine::ReadAllOf(std::move(file.body)));
  }
  const Md5Digest digest = Md5::Of(AsBytes(content));
  response.headers.Add("Content-MD5", Base64Of(AsText(digest)));
  response.text = std::move(content);
  co_return Result<>();
}

}  // namespace

Task<http::Response> HandleReadPath(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const auto range, azure::RangeFrom(call.headers()));
  engine::GetBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(request.range, RangeOf(range));
  const auto md5 = azure::FindHeader(call.headers(), "x-ms-range-get-content-md5");
  if (md5 && !range) co_return Fail(azure::InvalidHeaderError("x-ms-range-get-content-md5", *md5));
  FB_CO_ASSIGN_OR_RETURN(auto file,
                         co_await engine::GetBlob(call.services, call.context, std::move(request)));
  if (file.not_modified) {
    co_return Fail(Code::kNotModified, "The condition of the read is not met.");
  }
  if (file.record.directory) {
    co_return Fail(Code::kPathConflict, "A directory has no bytes to read.");
  }
  http::Response response = Empty(range ? 206 : 200);
  AddPathHeaders(response, call, file.record, range.has_value());
  AddResidency(response, file.resident);
  if (range) {
    response.headers.Add("Content-Range",
                         azure::FormatContentRange({file.offset, file.length}, file.record.length));
  }
  if (md5 && azure::ParseBool(*md5).value_or(false)) {
    response.headers.Remove("Content-MD5");
    FB_CO_RETURN_IF_ERROR(co_await AddRangeMd5(response, file));
    co_return response;
  }
  response.content_length = file.length;
  response.source = std::move(file.body);
  co_return response;
}

Task<http::Response> HandleGetPathProperties(Call& call) {
  const bool acl = EqualsIgnoreCase(call.QueryValue("action"), "getAccessControl");
  FB_CO_ASSIGN_OR_RETURN(azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  engine::PathTarget target{call.Container(), PathOf(call)};
  FB_CO_ASSIGN_OR_RETURN(const auto status,
                         co_await engine::GetPathStatus(call.services, call.context,
                                                        std::move(target), std::move(conditions)));
  if (acl && !status.hierarchical) {
    co_return Fail(Code::kHierarchicalNamespaceNotEnabled,
                   "Hierarchical namespace is not enabled for this account.");
  }
  http::Response response = Empty(200);
  AddPathHeaders(response, call, status.record, false);
  AddResidency(response, status.resident);
  if (status.hierarchical) AddAccess(response, status.access, acl);
  response.content_length = acl ? 0 : status.record.length;
  co_return response;
}

}  // namespace forebay::rest::dfs
