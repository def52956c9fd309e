#include "azure/acl.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "azure/error_table.h"

namespace forebay::azure {
namespace {

constexpr std::size_t kMaxQualifierBytes = 256;

std::unexpected<Error> BadAcl(std::string_view text) {
  return Fail(InvalidHeaderError("x-ms-acl", text));
}

void AppendRwx(std::string& out, unsigned bits) {
  out += (bits & 4) != 0 ? 'r' : '-';
  out += (bits & 2) != 0 ? 'w' : '-';
  out += (bits & 1) != 0 ? 'x' : '-';
}

// Three letters, each in its place or '-'.
std::optional<std::uint8_t> ParseRwx(std::string_view text) {
  if (text.size() != 3) return std::nullopt;
  constexpr std::string_view kLetters = "rwx";
  std::uint8_t bits = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    bits = static_cast<std::uint8_t>(bits << 1);
    if (text[i] == kLetters[i]) {
      bits |= 1;
    } else if (text[i] != '-') {
      return std::nullopt;
    }
  }
  return bits;
}

std::optional<std::uint16_t> ParseOctal(std::string_view text) {
  if (text.size() != 4 || text.find_first_not_of("01234567") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint16_t value = 0;
  for (const char c : text) value = static_cast<std::uint16_t>(value * 8 + (c - '0'));
  return value;
}

// user::, user:NAME:, group::, group:NAME:, mask::, other:: and then the same of the default ACL.
auto OrderOf(const AclEntry& entry) {
  return std::tuple(entry.is_default, entry.kind, entry.qualifier);
}
bool Before(const AclEntry& a, const AclEntry& b) { return OrderOf(a) < OrderOf(b); }
bool SamePlace(const AclEntry& a, const AclEntry& b) { return OrderOf(a) == OrderOf(b); }

bool IsUnnamed(const AclEntry& entry) {
  return entry.qualifier.empty() && entry.kind != AclKind::kMask;
}

// The complete list, the three of the mode among them.
std::vector<AclEntry> AllEntries(const AccessControl& access) {
  std::vector<AclEntry> all = access.extended;
  const auto bits = [&access](int shift) {
    return static_cast<std::uint8_t>((access.mode >> shift) & 7);
  };
  all.push_back({AclKind::kUser, false, {}, bits(6)});
  all.push_back({AclKind::kGroup, false, {}, bits(3)});
  all.push_back({AclKind::kOther, false, {}, bits(0)});
  std::ranges::sort(all, Before);
  return all;
}

const AclEntry* FindEntry(const std::vector<AclEntry>& entries, AclKind kind, bool is_default,
                          std::string_view qualifier = {}) {
  const auto at = std::ranges::find_if(entries, [&](const AclEntry& entry) {
    return entry.kind == kind && entry.is_default == is_default && entry.qualifier == qualifier;
  });
  return at == entries.end() ? nullptr : &*at;
}

bool HasNamed(const std::vector<AclEntry>& entries, bool is_default) {
  return std::ranges::any_of(entries, [is_default](const AclEntry& entry) {
    return entry.is_default == is_default && !entry.qualifier.empty();
  });
}

void Erase(std::vector<AclEntry>& entries, const AclEntry& doomed) {
  std::erase_if(entries, [&doomed](const AclEntry& entry) { return SamePlace(entry, doomed); });
}

// The union of what the mask covers: named entries and the owning group.
void ComputeMask(std::vector<AclEntry>& entries, bool is_default) {
  AclEntry mask{AclKind::kMask, is_default, {}, 0};
  Erase(entries, mask);
  if (!HasNamed(entries, is_default)) return;
  for (const AclEntry& entry : entries) {
    const bool covered = !entry.qualifier.empty() || entry.kind == AclKind::kGroup;
    if (entry.is_default == is_default && covered) mask.permissions |= entry.permissions;
  }
  entries.push_back(std::move(mask));
}

// A default ACL is complete or absent: what is missing comes from the access ACL.
void CompleteDefaults(std::vector<AclEntry>& entries) {
  if (std::ranges::none_of(entries, &AclEntry::is_default)) return;
  for (const AclKind kind : {AclKind::kUser, AclKind::kGroup, AclKind::kOther}) {
    if (FindEntry(entries, kind, true) != nullptr) continue;
    const AclEntry* access = FindEntry(entries, kind, false);
    entries.push_back({kind, true, {}, access == nullptr ? std::uint8_t{0} : access->permissions});
  }
}

// Takes a complete list apart again.
Result<> Store(AccessControl& access, std::vector<AclEntry> entries, bool directory) {
  const AclEntry* user = FindEntry(entries, AclKind::kUser, false);
  const AclEntry* group = FindEntry(entries, AclKind::kGroup, false);
  const AclEntry* other = FindEntry(entries, AclKind::kOther, false);
  if (user == nullptr || group == nullptr || other == nullptr) {
    return Fail(Error(Code::kInvalidHeaderValue,
                      "An ACL needs its entries for the owner, the owning group and others."));
  }
  if (!directory && std::ranges::any_of(entries, &AclEntry::is_default)) {
    return Fail(Error(Code::kInvalidHeaderValue, "Only a directory has a default ACL."));
  }
  for (const bool is_default : {false, true}) {
    if (std::ranges::count(entries, is_default, &AclEntry::is_default) >
        static_cast<std::ptrdiff_t>(kMaxAclEntries)) {
      return Fail(Error(Code::kInvalidHeaderValue, "An ACL has at most 32 entries."));
    }
  }
  access.mode = static_cast<std::uint16_t>((access.mode & kStickyBit) | (user->permissions << 6) |
                                           (group->permissions << 3) | other->permissions);
  std::erase_if(entries, [](const AclEntry& e) { return !e.is_default && IsUnnamed(e); });
  std::ranges::sort(entries, Before);
  access.extended = std::move(entries);
  return {};
}

bool Mentions(const std::vector<AclEntry>& entries, AclKind kind, bool is_default) {
  return FindEntry(entries, kind, is_default) != nullptr;
}

// Masks are worked out again unless the request set them itself.
Result<> Finish(AccessControl& access, std::vector<AclEntry> all,
                const std::vector<AclEntry>& given, bool directory) {
  CompleteDefaults(all);
  for (const bool is_default : {false, true}) {
    if (!Mentions(given, AclKind::kMask, is_default)) ComputeMask(all, is_default);
  }
  return Store(access, std::move(all), directory);
}

std::optional<AclEntry> ParseEntry(std::string_view text, bool with_permissions) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto colon = text.find(':');
    parts.push_back(text.substr(0, colon));
    if (colon == std::string_view::npos || parts.size() > 4) break;
    text.remove_prefix(colon + 1);
  }
  AclEntry entry;
  if (parts.front() == "default") {
    entry.is_default = true;
    parts.erase(parts.begin());
  }
  if (!with_permissions) {
    // "user:alice", "user:alice:" and "mask" are all taken.
    while (parts.size() < 2) parts.emplace_back();
    if (parts.size() == 3 && !parts.back().empty()) return std::nullopt;
    if (parts.size() == 2) parts.emplace_back();
  }
  if (parts.size() != 3 || parts[1].size() > kMaxQualifierBytes) return std::nullopt;
  constexpr std::array<std::string_view, 4> kKinds = {"user", "group", "mask", "other"};
  const auto kind = std::ranges::find(kKinds, parts[0]);
  if (kind == kKinds.end()) return std::nullopt;
  entry.kind = static_cast<AclKind>(kind - kKinds.begin());
  entry.qualifier = parts[1];
  const bool nameless = entry.kind == AclKind::kMask || entry.kind == AclKind::kOther;
  if (nameless && !entry.qualifier.empty()) return std::nullopt;
  const bool printable = std::ranges::all_of(
      entry.qualifier, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 127; });
  if (!printable) return std::nullopt;
  if (!with_permissions) return entry;
  const auto bits = ParseRwx(parts[2]);
  if (!bits) return std::nullopt;
  entry.permissions = *bits;
  return entry;
}

}  // namespace

AccessControl AccessControl::Default(bool directory) {
  AccessControl access;
  access.mode = directory ? 0750 : 0640;
  return access;
}

std::string FormatPermissions(const AccessControl& access) {
  unsigned group = (access.mode >> 3) & 7U;
  if (const AclEntry* mask = FindEntry(access.extended, AclKind::kMask, false)) {
    group = mask->permissions;
  }
  std::string out;
  AppendRwx(out, (access.mode >> 6) & 7U);
  AppendRwx(out, group);
  AppendRwx(out, access.mode & 7U);
  if ((access.mode & kStickyBit) != 0) out.back() = (access.mode & 1) != 0 ? 't' : 'T';
  const bool more =
      std::ranges::any_of(access.extended, [](const AclEntry& entry) { return !entry.is_default; });
  if (more) out += '+';
  return out;
}

std::string FormatAcl(const AccessControl& access) {
  constexpr std::array<std::string_view, 4> kKinds = {"user", "group", "mask", "other"};
  std::string out;
  for (const AclEntry& entry : AllEntries(access)) {
    if (!out.empty()) out += ',';
    if (entry.is_default) out += "default:";
    out += kKinds[static_cast<std::size_t>(entry.kind)];
    out += ':';
    out += entry.qualifier;
    out += ':';
    AppendRwx(out, entry.permissions);
  }
  return out;
}

Result<std::uint16_t> ParsePermissions(std::string_view text) {
  const auto bad = [text] { return Fail(InvalidHeaderError("x-ms-permissions", text)); };
  if (const auto octal = ParseOctal(text)) {
    // The set-uid and set-gid bits are not offered.
    if (*octal > (kStickyBit | 0777)) return bad();
    return *octal;
  }
  // What FormatPermissions says is taken back, the plus sign too.
  std::string letters(text.ends_with('+') ? text.substr(0, text.size() - 1) : text);
  if (letters.size() != 9) return bad();
  std::uint16_t mode = 0;
  if (letters.back() == 't' || letters.back() == 'T') {
    mode = kStickyBit;
    letters.back() = letters.back() == 't' ? 'x' : '-';
  }
  for (std::size_t i = 0; i < 3; ++i) {
    const auto bits = ParseRwx(std::string_view(letters).substr(i * 3, 3));
    if (!bits) return bad();
    mode = static_cast<std::uint16_t>(mode | (*bits << (6 - 3 * i)));
  }
  return mode;
}

Result<std::uint16_t> ParseUmask(std::string_view text) {
  const auto octal = ParseOctal(text);
  if (!octal || *octal > 0777) return Fail(InvalidHeaderError("x-ms-umask", text));
  return *octal;
}

Result<std::vector<AclEntry>> ParseAcl(std::string_view text, bool with_permissions) {
  std::vector<AclEntry> entries;
  const std::string_view whole = text;
  if (text.empty()) return BadAcl(whole);
  while (true) {
    const auto comma = text.find(',');
    auto entry = ParseEntry(text.substr(0, comma), with_permissions);
    if (!entry || entries.size() >= 2 * kMaxAclEntries) return BadAcl(whole);
    for (const AclEntry& earlier : entries) {
      if (SamePlace(earlier, *entry)) return BadAcl(whole);
    }
    entries.push_back(std::move(*entry));
    if (comma == std::string_view::npos) return entries;
    text.remove_prefix(comma + 1);
  }
}

void SetPermissions(AccessControl& access, std::uint16_t mode) {
  const auto mask = std::ranges::find_if(access.extended, [](const AclEntry& entry) {
    return entry.kind == AclKind::kMask && !entry.is_default;
  });
  if (mask == access.extended.end()) {
    access.mode = mode;
    return;
  }
  mask->permissions = static_cast<std::uint8_t>((mode >> 3) & 7);
  access.mode = static_cast<std::uint16_t>((mode & ~0070) | (access.mode & 0070));
}

Result<> SetAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory) {
  return Finish(access, entries, entries, directory);
}

Result<> ModifyAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory) {
  std::vector<AclEntry> all = AllEntries(access);
  for (const AclEntry& entry : entries) {
    Erase(all, entry);
    all.push_back(entry);
  }
  return Finish(access, std::move(all), entries, directory);
}

Result<> RemoveAcl(AccessControl& access, const std::vector<AclEntry>& entries, bool directory) {
  std::vector<AclEntry> all = AllEntries(access);
  for (const AclEntry& entry : entries) {
    if (!entry.is_default && IsUnnamed(entry)) {
      return Fail(Error(Code::kInvalidHeaderValue,
                        "The entries of the owner, the owning group and others stay."));
    }
    Erase(all, entry);
  }
  return Finish(access, std::move(all), {}, directory);
}

AccessControl InheritAccess(const AccessControl& parent, bool directory,
                            std::optional<std::uint16_t> mode, std::optional<std::uint16_t> umask) {
  AccessControl out;
  out.group = parent.group;
  std::vector<AclEntry> access;
  for (const AclEntry& entry : parent.extended) {
    if (!entry.is_default) continue;
    access.push_back(entry);
    access.back().is_default = false;
  }
  if (access.empty()) {
    const std::uint16_t asked = mode.value_or(directory ? 0777 : 0666);
    out.mode = static_cast<std::uint16_t>(asked & ~umask.value_or(kDefaultUmask));
    return out;
  }
  if (directory) {
    for (const AclEntry& entry : parent.extended) {
      if (entry.is_default) access.push_back(entry);
    }
  }
  out.mode = 0;
  // A stored default ACL is complete, so this holds.
  (void)Store(out, std::move(access), directory);
  return out;
}

}  // namespace forebay::azure
