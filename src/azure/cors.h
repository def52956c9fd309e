// Cross-origin rules of the service properties: which rule fits, and what headers to answer.
//
// Rule: "Cross-Origin Resource Sharing (CORS) support for Azure Storage" of the REST reference.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/wire.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

// Lists are as stored: comma-separated texts, "*" for all.
struct CorsRule {
  std::string allowed_origins;
  std::string allowed_methods;
  std::string allowed_headers;
  std::string exposed_headers;
  std::uint32_t max_age_s = 0;
  friend bool operator==(const CorsRule&, const CorsRule&) = default;
};
inline constexpr std::size_t kMaxCorsRules = 5;

// kInvalidXmlNodeValue for an unknown method, too many origins or headers (64) or an element above
// 256 bytes.
Result<> ValidateCorsRule(const CorsRule& rule);

// An OPTIONS request: the headers of a 200 answer. kInvalidHeaderValue (Origin or
// Access-Control-Request-Method missing or wrong), kAuthorizationFailure (403, no rule fits).
Result<OwnedHeaders> EvaluatePreflight(const std::vector<CorsRule>& rules, HeaderSpan headers);

// The code and the document of the 403 that answers a preflight without a rule.
inline constexpr std::string_view kPreflightFailure = "CorsPreflightFailure";
std::string PreflightFailureXml(std::string_view request_id, WallTime now);

// What to add to the answer of an actual request; empty when it has no Origin or no rule fits.
OwnedHeaders CorsHeaders(const std::vector<CorsRule>& rules, std::string_view method,
                         HeaderSpan headers);

}  // namespace forebay::azure
