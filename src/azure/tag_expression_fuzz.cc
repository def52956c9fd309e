// Tag expressions: parsing ends, evaluating ends, and both are bounded.
#include <cstdint>

#include "azure/tag_expression.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const Tags tags = {{"a", "1"}, {"b", ""}};
  if (auto condition = TagCondition::Parse(text)) (void)condition->Evaluate(tags);
  if (auto query = ParseTagQuery(text)) {
    (void)query->Matches(tags);
    if (query->Keys().size() > 10) __builtin_trap();
  }
  return 0;
}
