// Request documents: whatever is accepted means the same after it is written and read again.
#include <cstdint>
#include <cstdlib>

#include "azure/error_table.h"
#include "azure/xml_documents.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto list = ParseBlockList(text)) {
    auto again = ParseBlockList(BlockListXml(*list));
    if (!again || *again != *list) std::abort();
  }
  if (auto tags = ParseTagsXml(text)) {
    auto again = ParseTagsXml(TagsXml(*tags));
    if (!again || *again != *tags) std::abort();
  }
  if (auto policies = ParseSignedIdentifiers(text)) {
    if (policies->size() > kMaxStoredPolicies) std::abort();
    (void)ParseSignedIdentifiers(SignedIdentifiersXml(*policies));
  }
  if (auto properties = ParseServiceProperties(text)) {
    if (!ParseServiceProperties(ServicePropertiesXml(*properties))) std::abort();
  }
  (void)ParseErrorXml(text);
  return 0;
}
