// POSIX access control of a path, as the Data Lake API spells it: owner, group, permissions, ACL.
//
// Texts: "rwxr-x--T" or "1750" (permissions), "user::rwx,user:alice:r-x,group::r-x,mask::r-x,
// other::---,default:user::rwx" (ACL). Rules: "Access control lists in Azure Data Lake Storage" and
// POSIX.1e. Who may do what by these is not decided here: an account key is super-user, a SAS is
// judged by its letters. Pure, thread safe, safe on hostile input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::azure {

enum class AclKind : std::uint8_t { kUser, kGroup, kMask, kOther };

inline constexpr std::uint16_t kStickyBit = 01000;
inline constexpr std::uint16_t kDefaultUmask = 0027;
inline constexpr std::size_t kMaxAclEntries = 32;  // access entries, and as many default ones

struct AclEntry {
  AclKind kind = AclKind::kUser;
  bool is_default = false;
  std::string qualifier;         // of a named user or group; empty: the owner, the owning group
  std::uint8_t permissions = 0;  // r 4, w 2, x 1
  friend bool operator==(const AclEntry&, const AclEntry&) = default;
};

struct AccessControl {
  std::string owner = "$superuser";
  std::string group = "$superuser";
  // Sticky bit, then three bits each for the owner, the owning group (unmasked) and others.
  std::uint16_t mode = 0640;
  // Named entries, the mask, and all default entries, in canonical order.
  std::vector<AclEntry> extended;

  friend bool operator==(const AccessControl&, const AccessControl&) = default;
  // rw-r----- for files, rwxr-x--- for directories: what a path has that was given nothing.
  static AccessControl Default(bool directory);
};

// "rwxr-x---", a T or t for the sticky bit, '+' at the end when there are named entries. The
// group's three are the mask where there is one.
std::string FormatPermissions(const AccessControl& access);
// All entries in canonical order.
std::string FormatAcl(const AccessControl& access);

// Symbolic or octal (4 digits). kInvalidHeaderValue.
Result<std::uint16_t> ParsePermissions(std::string_view text);
// Octal, 4 digits, no sticky bit. kInvalidHeaderValue.
Result<std::uint16_t> ParseUmask(std::string_view text);
// `with_permissions` false: entries that are to be removed, "user:alice" or "default:group:devs".
// kInvalidHeaderValue for bad syntax, an entry given twice, or too many.
Result<std::vector<AclEntry>> ParseAcl(std::string_view text, bool with_permissions = true);

// chmod: the group's bits go to the mask where there is one.
void SetPermissions(AccessControl& access, std::uint16_t mode);
// Replaces the whole ACL; the three unnamed access entries are needed, default ones only on a
// directory. A missing mask is computed. kInvalidHeaderValue.
Result<> SetAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory);
// Adds or changes the entries given and keeps the others. kInvalidHeaderValue.
Result<> ModifyAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory);
// Removes named entries, masks and default entries; those that are not there are no error.
// kInvalidHeaderValue for an unnamed access entry.
Result<> RemoveAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory);

// What a new path below `parent` gets. With a default ACL on the parent that decides, and `mode`
// and `umask` do not; without one `mode` (absent: 0777 or 0666) less the umask (absent: 0027).
AccessControl InheritAccess(const AccessControl& parent, bool directory,
                            std::optional<std::uint16_t> mode, std::optional<std::uint16_t> umask);

}  // namespace forebay::azure
