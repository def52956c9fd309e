#include "rest/blob/call.h"

#include <algorithm>

#include "azure/error_table.h"
#include "base/encoding.h"

namespace forebay::rest {

std::string Call::ServiceEndpoint() const {
  std::string out = request.tls ? "https://" : "http://";
  out += Header("host");
  out += '/';
  if (target.path_style) {
    out += target.account.str();
    if (target.secondary) out += "-secondary";
    out += '/';
  }
  return out;
}

std::string Call::QueryList(std::string_view name) const {
  std::string out;
  for (const auto& [key, value] : target.query) {
    if (!EqualsIgnoreCase(key, name)) continue;
    if (!out.empty()) out += ',';
    out += value;
  }
  return out;
}

Result<azure::Conditions> WriteConditions(const Call& call) {
  FB_ASSIGN_OR_RETURN(azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  FB_RETURN_IF_ERROR(azure::CheckWriteCombination(conditions));
  return conditions;
}

Result<azure::Conditions> CreateConditions(const Call& call) {
  FB_ASSIGN_OR_RETURN(azure::Conditions conditions, WriteConditions(call));
  if (call.auth.create_only)
    conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  return conditions;
}

Error OverwriteError(const Call& call, Error error) {
  const bool exists = error.code() == Code::kBlobAlreadyExists;
  if (!call.auth.create_only || !exists || call.Header("if-none-match") == "*") return error;
  return Error(Code::kUnauthorizedBlobOverwrite,
               "This request is not authorized to perform blob overwrites.");
}

Result<azure::BlockId> BlockIdFrom(const Call& call) {
  const auto text = call.target.query.Find("blockid");
  if (!text) return Fail(azure::MissingQueryError("blockid"));
  if (!Base64Decode(*text)) {
    return Fail(azure::InvalidQueryError("blockid", *text, "Not a valid base64 string."));
  }
  return azure::ParseBlockId(*text);
}

Result<std::size_t> MaxResults(const Call& call) {
  constexpr std::size_t kMost = 5000;
  const auto text = call.target.query.Find("maxresults");
  if (!text || text->empty()) return kMost;
  const auto number = azure::ParseUint(*text);
  if (!number) return Fail(azure::InvalidQueryError("maxresults", *text));
  if (*number == 0) return Fail(azure::OutOfRangeQueryError("maxresults", *text, "1", "5000"));
  return std::min<std::size_t>(*number, kMost);
}

}  // namespace forebay::rest
