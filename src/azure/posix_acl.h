// POSIX ACLs as the kernel encodes them in system.posix_acl_access and system.posix_acl_default
// (linux/posix_acl_xattr.h): version 2, then tag, permissions and id of each entry, little-endian.
//
// Pure, thread safe, safe on hostile input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "azure/acl.h"
#include "base/result.h"

namespace forebay::azure {

inline constexpr std::string_view kAclAccessXattr = "system.posix_acl_access";
inline constexpr std::string_view kAclDefaultXattr = "system.posix_acl_default";

// The access entries (`defaults` false) or the default ones; empty where there are none beside the
// mode bits. Owners without a number are left out.
std::string EncodeKernelAcl(const AccessControl& access, bool defaults);
// Entries as azure::SetAcl takes them. kInvalidInput.
Result<std::vector<AclEntry>> DecodeKernelAcl(std::string_view bytes, bool defaults);

// Puts the entries in place of the access or default ones of `access`. kInvalidInput.
Result<> ReplaceAcl(AccessControl& access, std::string_view kernel_bytes, bool defaults,
                    bool directory);
// Takes the extended access entries, or all default ones, away.
void RemoveKernelAcl(AccessControl& access, bool defaults);

}  // namespace forebay::azure
