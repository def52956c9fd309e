// Patterns of users on names of lakes: parsing and matching end, and the prefix holds.
#include <cstdint>
#include <string_view>

#include "tier/glob.h"

using namespace forebay::tier;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = text.find('\n');
  const auto glob = Glob::Parse(text.substr(0, cut));
  if (!glob) return 0;
  std::string_view name =
      cut == std::string_view::npos ? text : text.substr(cut + 1).substr(0, 1024);
  if (!glob->Matches(name)) return 0;
  if (!name.starts_with(glob->literal_prefix())) __builtin_trap();
  const std::size_t slash = name.rfind('/', name.size() - 2);
  if (name.size() >= 2 && slash != std::string_view::npos && slash + 1 < name.size() &&
      !glob->MayMatchBelow(name.substr(0, slash + 1))) {
    __builtin_trap();
  }
  return 0;
}
