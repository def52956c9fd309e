// Path Update, action=append and action=flush.
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/append_path.h"
#include "engine/flush_path.h"
#include "engine/put_block.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

Result<std::uint64_t> PositionOf(const Call& call) {
  const auto text = call.target.query.Find("position");
  if (!text) return Fail(azure::MissingQueryError("position"));
  const auto value = azure::ParseUint(*text);
  if (!value || *value > INT64_MAX) return Fail(azure::InvalidQueryError("position", *text));
  return *value;
}

// x-ms-lease-action of an append that flushes, or of a flush.
Result<> LeaseUseFrom(const Call& call, engine::FlushPathRequest& request) {
  const auto text = azure::FindHeader(call.headers(), "x-ms-lease-action");
  if (!text) return {};
  using Use = engine::FlushLease;
  if (EqualsIgnoreCase(*text, "auto-renew")) {
    request.lease = Use::kRenew;
    return {};
  }
  if (EqualsIgnoreCase(*text, "release")) {
    request.lease = Use::kRelease;
    return {};
  }
  if (EqualsIgnoreCase(*text, "acquire")) {
    request.lease = Use::kAcquire;
  } else if (EqualsIgnoreCase(*text, "acquire-release")) {
    request.lease = Use::kAcquireRelease;
  } else {
    return Fail(azure::InvalidHeaderError("x-ms-lease-action", *text));
  }
  const auto id = azure::FindHeader(call.headers(), "x-ms-proposed-lease-id");
  const auto duration = azure::FindHeader(call.headers(), "x-ms-lease-duration");
  if (!id) return Fail(azure::MissingHeaderError("x-ms-proposed-lease-id"));
  if (!duration) return Fail(azure::MissingHeaderError("x-ms-lease-duration"));
  if (!IsLeaseId(*id)) return Fail(azure::InvalidHeaderError("x-ms-proposed-lease-id", *id));
  FB_ASSIGN_OR_RETURN(request.lease_seconds, LeaseSeconds(*duration));
  request.proposed_lease_id = std::string(*id);
  return {};
}

Task<engine::FlushPathResult> FlushTo(Call& call, std::uint64_t position,
                                      engine::HttpHeaderChanges http) {
  engine::FlushPathRequest request;
  request.target = call.Blob();
  request.position = position;
  request.only_if_empty = call.auth.create_only;
  request.http = std::move(http);
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.retain_uncommitted, QueryFlag(call, "retainUncommittedData"));
  FB_CO_RETURN_IF_ERROR(LeaseUseFrom(call, request));
  co_return co_await engine::FlushPath(call.services, call.context, std::move(request));
}

}  // namespace

Task<http::Response> HandleAppend(Call& call) {
  engine::AppendPathRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.position, PositionOf(call));
  FB_CO_ASSIGN_OR_RETURN(const bool flush, QueryFlag(call, "flush"));
  FB_CO_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  request.lease_id = conditions.lease_id;
  request.only_if_empty = call.auth.create_only;
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, engine::kMaxBlockBytes));
  request.expected = body.expected;
  request.body = body.reader;
  const bool with_md5 = body.expected.md5.has_value();
  request.want_md5 = with_md5;
  const std::uint64_t position = request.position;
  FB_CO_ASSIGN_OR_RETURN(const auto appended, co_await engine::AppendPath(
                                                  call.services, call.context, std::move(request)));
  http::Response response = Empty(202);
  if (flush) {
    FB_CO_ASSIGN_OR_RETURN(const auto flushed,
                           co_await FlushTo(call, position + appended.length, {}));
    AddChanged(response, flushed.changed);
  }
  if (with_md5) {
    response.headers.Add("Content-MD5", Base64Of(appended.content_md5));
  } else {
    response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(appended.crc64));
  }
  AddServerEncrypted(response);
  body.AddEcho(response);
  co_return response;
}

Task<http::Response> HandleFlush(Call& call) {
  if (call.request.body->content_length().value_or(0) != 0) {
    co_return Fail(azure::InvalidHeaderError("Content-Length", call.Header("Content-Length")));
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t position, PositionOf(call));
  // A close is for event subscribers, of which there are none.
  FB_CO_ASSIGN_OR_RETURN(const bool close, QueryFlag(call, "close"));
  (void)close;
  FB_CO_ASSIGN_OR_RETURN(auto http, HttpChangesFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(const auto flushed, co_await FlushTo(call, position, std::move(http)));
  http::Response response = Empty(200);
  AddChanged(response, flushed.changed);
  AddServerEncrypted(response);
  co_return response;
}

}  // namespace forebay::rest::dfs
