// What any server may answer: parsing ends, is bounded, and gives names that a kernel takes.
#include <cstdint>

#include "vfs/adls_words.h"
#include "vfs/posix_words.h"

using namespace forebay;       // NOLINT
using namespace forebay::vfs;  // NOLINT

namespace {

void Check(const Result<std::vector<DirectoryEntry>>& entries) {
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    const bool bad = entry.name.empty() || entry.name == "." || entry.name == ".." ||
                     entry.name.size() > kMaxNameBytes || entry.name.contains('/');
    if (bad) __builtin_trap();
    if (entry.attributes.mode > kModeBits) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Check(EntriesFromLines(text));
  Check(EntriesFromJson(text, "dir"));
  const auto attributes = AttributesFromLine(text);
  if (attributes && attributes->id == RemoteId()) __builtin_trap();
  (void)InfoFromLine(text);
  (void)LockFromLine(text);
  (void)ChangesFromLines(text);
  if (const auto mode = ModeFromPermissions(text); mode && *mode > 01777) __builtin_trap();
  return 0;
}
