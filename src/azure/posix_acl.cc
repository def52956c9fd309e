#include "azure/posix_acl.h"

#include <algorithm>

#include "azure/wire.h"
#include "base/codec.h"

namespace forebay::azure {
namespace {

constexpr std::uint32_t kVersion = 2;
constexpr std::uint32_t kNoId = UINT32_MAX;
enum Tag : std::uint16_t {
  kUserObject = 0x01,
  kUser = 0x02,
  kGroupObject = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};

std::uint16_t TagOf(const AclEntry& entry) {
  switch (entry.kind) {
    case AclKind::kUser:
      return entry.qualifier.empty() ? kUserObject : kUser;
    case AclKind::kGroup:
      return entry.qualifier.empty() ? kGroupObject : kGroup;
    case AclKind::kMask:
      return kMask;
    case AclKind::kOther:
      return kOther;
  }
  return kOther;
}

void PutU16(Encoder& out, std::uint16_t value) {
  out.U8(static_cast<std::uint8_t>(value & 0xFF)).U8(static_cast<std::uint8_t>(value >> 8));
}
std::uint16_t TakeU16(Decoder& in) {
  const unsigned low = in.U8();
  return static_cast<std::uint16_t>(low | (unsigned{in.U8()} << 8));
}

// All entries, the unnamed ones among them.
std::vector<AclEntry> AllOf(const AccessControl& access) {
  auto all = ParseAcl(FormatAcl(access));
  return all ? std::move(*all) : std::vector<AclEntry>();
}

}  // namespace

std::string EncodeKernelAcl(const AccessControl& access, bool defaults) {
  const bool extended = std::ranges::any_of(
      access.extended, [defaults](const AclEntry& entry) { return entry.is_default == defaults; });
  if (!extended) return {};
  Encoder out;
  out.U32(kVersion);
  // The kernel wants them sorted by tag and id.
  std::vector<std::pair<std::pair<std::uint16_t, std::uint32_t>, std::uint8_t>> entries;
  for (const AclEntry& entry : AllOf(access)) {
    if (entry.is_default != defaults) continue;
    std::uint32_t id = kNoId;
    if (!entry.qualifier.empty()) {
      const auto number = ParseUint(entry.qualifier);
      if (!number || *number >= kNoId) continue;
      id = static_cast<std::uint32_t>(*number);
    }
    entries.push_back({{TagOf(entry), id}, entry.permissions});
  }
  std::ranges::sort(entries);
  for (const auto& [place, permissions] : entries) {
    PutU16(out, place.first);
    PutU16(out, permissions);
    out.U32(place.second);
  }
  return out.Take();
}

Result<std::vector<AclEntry>> DecodeKernelAcl(std::string_view bytes, bool defaults) {
  Decoder in(bytes);
  std::vector<AclEntry> entries;
  if (in.U32() != kVersion) return Fail(Code::kInvalidInput, "An ACL of an unknown version.");
  while (in.ok() && in.remaining() > 0) {
    const std::uint16_t tag = TakeU16(in);
    AclEntry entry;
    entry.is_default = defaults;
    const std::uint16_t permissions = TakeU16(in);
    const std::uint32_t id = in.U32();
    if (permissions > 7) return Fail(Code::kInvalidInput, "An ACL entry grants what is unknown.");
    entry.permissions = static_cast<std::uint8_t>(permissions);
    switch (tag) {
      case kUser:
      case kUserObject:
        entry.kind = AclKind::kUser;
        break;
      case kGroup:
      case kGroupObject:
        entry.kind = AclKind::kGroup;
        break;
      case kMask:
        entry.kind = AclKind::kMask;
        break;
      case kOther:
        entry.kind = AclKind::kOther;
        break;
      default:
        return Fail(Code::kInvalidInput, "An ACL entry of an unknown kind.");
    }
    if (tag == kUser || tag == kGroup) entry.qualifier = std::to_string(id);
    entries.push_back(std::move(entry));
    if (entries.size() > kMaxAclEntries) break;
  }
  if (!in.ok()) return Fail(Code::kInvalidInput, "An ACL that is cut short.");
  if (entries.size() > kMaxAclEntries) {
    return Fail(Code::kInvalidInput, "An ACL has at most 32 entries.");
  }
  return entries;
}

Result<> ReplaceAcl(AccessControl& access, std::string_view kernel_bytes, bool defaults,
                    bool directory) {
  FB_ASSIGN_OR_RETURN(std::vector<AclEntry> given, DecodeKernelAcl(kernel_bytes, defaults));
  std::vector<AclEntry> all = AllOf(access);
  std::erase_if(all, [defaults](const AclEntry& entry) { return entry.is_default == defaults; });
  all.insert(all.end(), given.begin(), given.end());
  auto done = SetAcl(access, all, directory);
  if (!done) return Fail(Code::kInvalidInput, std::string(done.error().message()));
  return {};
}

void RemoveKernelAcl(AccessControl& access, bool defaults) {
  if (!defaults) {
    // As the kernel does: the mask's rights become the group's.
    for (const AclEntry& entry : access.extended) {
      if (entry.kind == AclKind::kMask && !entry.is_default) {
        access.mode = static_cast<std::uint16_t>((access.mode & ~070) | (entry.permissions << 3));
      }
    }
  }
  std::erase_if(access.extended,
                [defaults](const AclEntry& entry) { return entry.is_default == defaults; });
}

}  // namespace forebay::azure
