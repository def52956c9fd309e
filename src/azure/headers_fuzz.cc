// Conditions, ranges, metadata, tags, authorization and dates from hostile header fields.
#include <cstdint>
#include <cstdlib>

#include "azure/conditions.h"
#include "azure/cors.h"
#include "azure/marker.h"
#include "azure/metadata.h"
#include "azure/ranges.h"
#include "azure/shared_key.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

namespace {

// Lines "Name: value" of the input.
std::vector<HeaderField> Split(std::string_view text) {
  std::vector<HeaderField> out;
  while (!text.empty() && out.size() < 100) {
    auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    auto colon = line.find(':');
    if (colon != std::string_view::npos) {
      out.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<HeaderField> headers = Split(text);
  ConditionSubject subject{ETag("0x1"), WallTime::FromSeconds(1), nullptr};
  if (auto conditions = ConditionsFrom(headers)) {
    (void)CheckRead(*conditions, subject);
    (void)CheckWrite(*conditions, &subject);
    (void)CheckWriteCombination(*conditions);
  }
  if (auto range = RangeFrom(headers); range && *range && (*range)->last) {
    if (*(*range)->last < (*range)->first) std::abort();
  }
  (void)MetadataFrom(headers);
  if (auto tags = TagsFrom(headers)) {
    auto again = ParseTagsHeader(FormatTagsHeader(*tags));
    if (!again || *again != *tags) std::abort();
  }
  (void)HttpHeadersFrom(headers, true);
  (void)EvaluatePreflight({{"https://*.a.b", "GET,PUT", "x-ms-*", "*", 5}}, headers);
  (void)CheckRequestDate(headers, WallTime{});
  if (auto time = ParseHttpDate(text)) {
    if (ParseHttpDate(FormatHttpDate(*time)) != time) std::abort();
  }
  if (auto time = ParseIsoTime(text)) {
    if (ParseIsoTime(FormatTicks(*time)) != time) std::abort();
  }
  if (auto position = DecodeMarker("scope", text)) {
    auto again = DecodeMarker("scope", EncodeMarker("scope", *position));
    if (!again || *again != *position) std::abort();
  }
  auto query = Query::Parse("a=1").value();
  SigningInput input{"GET", "/c", &query, headers, AccountName("acc")};
  if (StringsToSign(SharedKeyScheme::kSharedKey, input).empty()) std::abort();
  (void)ParseAuthorization(text);
  return 0;
}
