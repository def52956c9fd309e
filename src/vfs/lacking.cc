#include "vfs/lacking.h"

#include <utility>

namespace forebay::vfs {

std::string Lacking(const RemoteTraits& traits) {
  // Who may only read misses nothing of what is for writers.
  const bool writes = !traits.read_only;
  const std::pair<bool, const char*> rows[] = {
      {traits.hierarchical, "directories that can be renamed"},
      {traits.modes, "modes"},
      {traits.owners, "owners"},
      {traits.set_times, "times that are set"},
      {traits.symlinks, "symbolic links"},
      {traits.hard_links || !writes, "hard links"},
      {traits.special_files, "special files"},
      {traits.xattrs, "extended attributes and ACLs"},
      {traits.rename_flags || !writes, "flags of rename"},
      {traits.partial_commits || !writes, "changes in the middle of a file without sending it all"},
      {traits.locks || !writes, "locks between clients"},
      {traits.keeps_versions, "versions that stay while they are read"},
  };
  std::string out;
  for (const auto& [there, name] : rows) {
    if (there) continue;
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace forebay::vfs
