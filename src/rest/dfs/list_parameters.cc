#include "rest/dfs/list_parameters.h"

#include <algorithm>

#include "azure/error_table.h"
#include "azure/marker.h"
#include "rest/blob/responses.h"

namespace forebay::rest::dfs {

Result<std::size_t> MaxResultsOf(const Call& call, std::string_view name, std::size_t most) {
  const auto text = call.target.query.Find(name);
  if (!text || text->empty()) return most;
  const auto value = azure::ParseUint(*text);
  if (!value) return Fail(azure::InvalidQueryError(name, *text));
  if (*value == 0) {
    return Fail(azure::OutOfRangeQueryError(name, *text, "1", std::to_string(most)));
  }
  return static_cast<std::size_t>(std::min<std::uint64_t>(*value, most));
}

Result<std::string> ContinuationOf(const Call& call, const std::string& scope) {
  const std::string_view token = call.QueryValue("continuation");
  if (token.empty()) return std::string();
  auto decoded = azure::DecodeMarker(scope, token);
  if (!decoded) return Fail(azure::InvalidQueryError("continuation", token));
  return decoded;
}

void AddContinuation(http::Response& response, const std::string& scope, const std::string& next) {
  if (next.empty()) return;
  response.headers.Add("x-ms-continuation", azure::EncodeMarker(scope, next));
}

http::Response Json(unsigned status) {
  http::Response response = Empty(status);
  response.headers.Add("Content-Type", "application/json;charset=utf-8");
  return response;
}

}  // namespace forebay::rest::dfs
