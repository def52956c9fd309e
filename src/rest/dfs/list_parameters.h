// What the listings of this API have in common: page size, continuation, JSON.
#pragma once

#include <string>

#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest::dfs {

// 1 to `most`, larger ones are cut; absent: `most`. kInvalidQueryParameterValue,
// kOutOfRangeQueryParameterValue.
Result<std::size_t> MaxResultsOf(const Call& call, std::string_view name, std::size_t most = 5000);
// `continuation`, decoded; empty when absent. kInvalidQueryParameterValue for one of another
// listing.
Result<std::string> ContinuationOf(const Call& call, const std::string& scope);
// x-ms-continuation, when there is a next page.
void AddContinuation(http::Response& response, const std::string& scope, const std::string& next);

// An answer whose `text` is a JSON document.
http::Response Json(unsigned status);

}  // namespace forebay::rest::dfs
