// Copy Blob (202, possibly pending), Copy Blob From URL (the same, done when it answers) and Abort
// Copy Blob. By reference, and done at once, where the source is a blob of this server.
#include "engine/copy_blob.h"

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "base/encoding.h"
#include "base/uuid.h"
#include "engine/put_blob.h"
#include "rest/blob/copy_attributes.h"
#include "rest/blob/copy_jobs.h"
#include "rest/blob/copy_source.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

http::Response Copied(const engine::Changed& changed, const std::string& id,
                      azure::CopyStatus status) {
  http::Response response = Empty(202);
  AddChanged(response, changed);
  response.headers.Add("x-ms-copy-id", id);
  response.headers.Add("x-ms-copy-status", std::string(azure::CopyStatusName(status)));
  return response;
}

void AddChecksum(http::Response& response, const std::string& md5,
                 std::optional<std::uint64_t> crc64) {
  if (!md5.empty()) response.headers.Add("Content-MD5", Base64Of(md5));
  if (crc64) response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(*crc64));
}

Task<http::Response> FromHere(Call& call, LocalSource source, const std::string& url, bool sync) {
  engine::CopyBlobRequest request;
  request.source = std::move(source.target);
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  request.conditions.infinite_lease = !sync;
  FB_CO_ASSIGN_OR_RETURN(request.source_conditions, azure::SourceConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(CopyAttributes given, CopyAttributesFrom(call.headers()));
  request.metadata = std::move(given.metadata);
  request.tags = std::move(given.tags);
  request.copy_tags = given.copy_tags;
  request.tier = given.tier;
  request.copy_source_url = CopySourceShown(url);
  request.copy_id = NewUuid();
  if (sync) {
    FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  }
  const auto crc64 = request.expected.crc64;
  const std::string id = request.copy_id;
  auto result = co_await engine::CopyBlob(call.services, call.context, std::move(request));
  if (!result) {
    co_return Fail(OverwriteError(call, LocalCopyError(std::move(result.error()))));
  }
  http::Response response = Copied(result->changed, id, azure::CopyStatus::kSuccess);
  if (sync) AddChecksum(response, result->content_md5, crc64);
  co_return response;
}

Task<http::Response> FromElsewhere(Call& call, const std::string& url, bool sync) {
  engine::PutBlobRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  request.conditions.infinite_lease = !sync;
  FB_CO_ASSIGN_OR_RETURN(CopyAttributes given, CopyAttributesFrom(call.headers()));
  if (sync) {
    FB_CO_ASSIGN_OR_RETURN(request.expected, SourceChecksums(call.headers()));
  }
  FB_CO_ASSIGN_OR_RETURN(FetchedSource source,
                         co_await call.sources.Fetch(call, url, std::nullopt));
  FB_CO_ASSIGN_OR_RETURN(request.attributes,
                         RemoteAttributes(std::move(given), source.headers, true));
  request.copy.id = NewUuid();
  request.copy.source = CopySourceShown(url);
  request.copy.bytes_total = source.length;
  const std::string id = request.copy.id;
  if (!sync && source.length > call.copies.options().inline_bytes) {
    std::string etag(source.headers.Get("etag"));
    if (etag.starts_with("W/")) etag.clear();  // If-Match never matches a weak one
    source.body.reset();
    auto changed = co_await call.copies.Begin(call.context, std::move(request), url, etag);
    if (!changed) co_return Fail(OverwriteError(call, std::move(changed.error())));
    co_return Copied(*changed, id, azure::CopyStatus::kPending);
  }
  if (source.length > engine::kMaxPutBlobBytes) {
    co_return Fail(Code::kSourceTooLarge, "The source is larger than one request may copy.");
  }
  request.copy.status = azure::CopyStatus::kSuccess;
  request.copy.bytes_copied = source.length;
  request.copy.completed = call.services.clock.Now();
  request.body = source.body.get();
  auto result = co_await engine::PutBlob(call.services, call.context, std::move(request));
  if (!result) co_return Fail(OverwriteError(call, std::move(result.error())));
  http::Response response = Copied(result->changed, id, azure::CopyStatus::kSuccess);
  if (sync) AddChecksum(response, result->content_md5, result->crc64);
  co_return response;
}

Task<http::Response> Copy(Call& call, bool sync) {
  FB_CO_ASSIGN_OR_RETURN(const std::string url, call.sources.UrlOf(call));
  FB_CO_ASSIGN_OR_RETURN(auto local, co_await call.sources.FindLocal(call, url));
  if (local) co_return co_await FromHere(call, std::move(*local), url, sync);
  co_return co_await FromElsewhere(call, url, sync);
}

}  // namespace

Task<http::Response> HandleCopyBlob(Call& call) { return Copy(call, false); }
Task<http::Response> HandleCopyBlobFromUrl(Call& call) { return Copy(call, true); }

Task<http::Response> HandleAbortCopyBlob(Call& call) {
  const auto id = call.target.query.Find("copyid");
  if (!id || id->empty()) co_return Fail(azure::MissingQueryError("copyid"));
  const std::string_view action = call.Header("x-ms-copy-action");
  if (!EqualsIgnoreCase(action, "abort"))
    co_return Fail(azure::InvalidHeaderError("x-ms-copy-action", action));
  FB_CO_ASSIGN_OR_RETURN(azure::Conditions given, azure::ConditionsFrom(call.headers()));
  FB_CO_RETURN_IF_ERROR(co_await call.copies.Abort(call.context, call.Blob(), std::string(*id),
                                                   std::move(given.lease_id)));
  co_return Empty(204);
}

}  // namespace forebay::rest
