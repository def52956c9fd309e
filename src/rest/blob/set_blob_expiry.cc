// Set Blob Expiry, which the Data Lake clients send for files (comp=expiry).
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/path_status.h"
#include "rest/blob/expiry_headers.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

// A century: what lies beyond would not fit into a time.
constexpr std::uint64_t kMaxMillis = 100ULL * 366 * 24 * 3600 * 1000;

}  // namespace

Result<engine::ExpiryRequest> ExpiryFrom(azure::HeaderSpan headers) {
  using From = engine::ExpiryRequest::From;
  engine::ExpiryRequest request;
  const auto option = azure::FindHeader(headers, "x-ms-expiry-option");
  if (!option || EqualsIgnoreCase(*option, "NeverExpire")) return request;
  const auto time = azure::FindHeader(headers, "x-ms-expiry-time");
  if (!time) return Fail(azure::MissingHeaderError("x-ms-expiry-time"));
  if (EqualsIgnoreCase(*option, "Absolute")) {
    const auto at = azure::ParseHttpDate(*time);
    if (!at) return Fail(azure::InvalidHeaderError("x-ms-expiry-time", *time));
    request.from = From::kAbsolute;
    request.at = *at;
    return request;
  }
  if (EqualsIgnoreCase(*option, "RelativeToNow")) {
    request.from = From::kNow;
  } else if (EqualsIgnoreCase(*option, "RelativeToCreation")) {
    request.from = From::kCreation;
  } else {
    return Fail(azure::InvalidHeaderError("x-ms-expiry-option", *option));
  }
  const auto millis = azure::ParseUint(*time);
  if (!millis || *millis > kMaxMillis) {
    return Fail(azure::InvalidHeaderError("x-ms-expiry-time", *time));
  }
  request.after = std::chrono::milliseconds(static_cast<std::int64_t>(*millis));
  return request;
}

Task<http::Response> HandleSetBlobExpiry(Call& call) {
  engine::SetPathExpiryRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  if (!azure::FindHeader(call.headers(), "x-ms-expiry-option")) {
    co_return Fail(azure::MissingHeaderError("x-ms-expiry-option"));
  }
  FB_CO_ASSIGN_OR_RETURN(request.expiry, ExpiryFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(
      const engine::Changed changed,
      co_await engine::SetPathExpiry(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

}  // namespace forebay::rest
