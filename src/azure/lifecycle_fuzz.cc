// Policies from a hostile administrator: parsing ends, and what is accepted prints and reads back.
#include <cstdint>

#include "azure/lifecycle_policy.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto policy = ParseLifecyclePolicy(text);
  if (!policy) return 0;
  const auto again = ParseLifecyclePolicy(WriteLifecyclePolicy(*policy));
  if (!again || *again != *policy) __builtin_trap();
  LifecycleBlob blob{.container = "logs", .name = "a/b"};
  (void)Evaluate(*policy, blob, WallTime::FromSeconds(2'000'000'000));
  return 0;
}
