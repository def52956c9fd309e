// Bodies posted by anybody: parsing ends, is bounded, and what comes out is well-formed.
#include <cstdint>

#include "azure/event_grid.h"
#include "base/encoding.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto batch = ParseEventBatch(text);
  if (!batch) return 0;
  for (const BlobEvent& event : batch->events) {
    if (event.container.empty() || event.name.empty()) __builtin_trap();
    if (!IsValidUtf8(event.name.view()) || !IsValidUtf8(event.from.view())) __builtin_trap();
    (void)CompareSequencers(event.sequencer, text);
  }
  if (batch->validation_code) (void)ValidationAnswer(*batch->validation_code);
  return 0;
}
