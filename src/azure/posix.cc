#include "azure/posix.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "azure/wire.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

struct KindRow {
  FileKind kind;
  std::string_view name;
  std::string_view mark;   // metadata that says so; empty: none
  std::uint32_t type = 0;  // of st_mode
};
constexpr auto kKinds = std::to_array<KindRow>({
    {FileKind::kFile, "file", "", 0100000},
    {FileKind::kDirectory, "dir", "", 0040000},
    {FileKind::kSymlink, "symlink", "is_symlink", 0120000},
    {FileKind::kFifo, "fifo", "is_fifo", 0010000},
    {FileKind::kSocket, "socket", "is_socket", 0140000},
    {FileKind::kCharacterDevice, "char", "is_char_dev", 0020000},
    {FileKind::kBlockDevice, "block", "is_block_dev", 0060000},
});
const KindRow& RowOf(FileKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

const std::string* Find(const Metadata& metadata, std::string_view name) {
  for (const auto& [key, value] : metadata) {
    if (EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

void Store(Metadata& metadata, std::string_view name, std::string value) {
  for (auto& [key, old] : metadata) {
    if (EqualsIgnoreCase(key, name)) {
      old = std::move(value);
      return;
    }
  }
  metadata.emplace_back(std::string(name), std::move(value));
}
void Store(Metadata& metadata, std::string_view name, std::int64_t value) {
  Store(metadata, name, std::to_string(value));
}

// A numeric owner; ADLS knows names too, which only the metadata can translate.
std::optional<std::uint32_t> NumericId(std::string_view owner) {
  if (owner == "$superuser") return 0;
  const auto value = ParseUint(owner);
  if (!value || *value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

constexpr std::uint32_t kNobody = 65534;

std::uint32_t OwnerOf(const std::string* known, const Metadata& metadata, std::string_view name) {
  if (known != nullptr) {
    if (const auto id = NumericId(*known)) return *id;
  }
  if (const auto stored = StoredNumber(metadata, name)) return static_cast<std::uint32_t>(*stored);
  return known != nullptr ? kNobody : 0;
}

// The group's bits as a stat shows them: the mask, where there is one.
std::uint32_t ShownBits(const AccessControl& access) {
  for (const AclEntry& entry : access.extended) {
    if (entry.kind == AclKind::kMask && !entry.is_default) {
      return (access.mode & ~070U) | (std::uint32_t{entry.permissions} << 3);
    }
  }
  return access.mode;
}

}  // namespace

std::string_view FileKindName(FileKind kind) { return RowOf(kind).name; }

std::optional<FileKind> ParseFileKind(std::string_view text) {
  for (const KindRow& row : kKinds) {
    if (row.name == text) return row.kind;
  }
  return std::nullopt;
}

std::string FormatPosixAttributes(const PosixAttributes& a) {
  FieldLineWriter line;
  if (!a.name.empty()) line.Text("name", a.name);
  line.Number("ino", a.inode).Text("kind", FileKindName(a.kind)).Octal("mode", a.mode);
  line.Number("uid", a.uid).Number("gid", a.gid).Number("nlink", a.nlink);
  line.Number("size", a.size).Number("used", a.used);
  line.Number("has", a.has);
  if (a.rdev != 0) line.Number("rdev", a.rdev);
  line.Signed("atime", a.atime).Signed("mtime", a.mtime);
  line.Signed("ctime", a.ctime).Signed("btime", a.btime);
  line.Text("etag", a.etag);
  if (!a.target.empty()) line.Text("target", a.target);
  return line.Take();
}

Result<PosixAttributes> ParsePosixAttributes(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const FieldLine line, FieldLine::Parse(text));
  PosixAttributes a;
  if (const std::string* kind = line.Find("kind")) {
    const auto known = ParseFileKind(*kind);
    if (!known) return Fail(Code::kInvalidInput, "An unknown kind of file.");
    a.kind = *known;
  }
  FB_ASSIGN_OR_RETURN(const auto inode, line.Number("ino"));
  FB_ASSIGN_OR_RETURN(const auto mode, line.Octal("mode"));
  FB_ASSIGN_OR_RETURN(const auto uid, line.Number32("uid"));
  FB_ASSIGN_OR_RETURN(const auto gid, line.Number32("gid"));
  FB_ASSIGN_OR_RETURN(const auto nlink, line.Number32("nlink"));
  FB_ASSIGN_OR_RETURN(const auto rdev, line.Number32("rdev"));
  FB_ASSIGN_OR_RETURN(const auto size, line.Number("size"));
  FB_ASSIGN_OR_RETURN(const auto used, line.Number("used"));
  FB_ASSIGN_OR_RETURN(const auto has, line.Number32("has"));
  FB_ASSIGN_OR_RETURN(const auto atime, line.Signed("atime"));
  FB_ASSIGN_OR_RETURN(const auto mtime, line.Signed("mtime"));
  FB_ASSIGN_OR_RETURN(const auto ctime, line.Signed("ctime"));
  FB_ASSIGN_OR_RETURN(const auto btime, line.Signed("btime"));
  a.inode = inode.value_or(0);
  a.mode = mode.value_or(0);
  a.uid = uid.value_or(0);
  a.gid = gid.value_or(0);
  a.nlink = nlink.value_or(1);
  a.rdev = rdev.value_or(0);
  a.size = size.value_or(0);
  a.used = used.value_or(0);
  a.has = has.value_or(kMayHaveAll);
  a.atime = atime.value_or(0);
  a.mtime = mtime.value_or(0);
  a.ctime = ctime.value_or(0);
  a.btime = btime.value_or(0);
  a.etag = line.Get("etag");
  a.target = line.Get("target");
  a.name = line.Get("name");
  return a;
}

std::string FormatPosixChanges(const PosixChanges& c) {
  FieldLineWriter line;
  if (c.kind) line.Text("kind", FileKindName(*c.kind));
  if (c.mode) line.Octal("mode", *c.mode);
  if (c.uid) line.Number("uid", *c.uid);
  if (c.gid) line.Number("gid", *c.gid);
  if (c.rdev) line.Number("rdev", *c.rdev);
  if (c.target) line.Text("target", *c.target);
  if (c.atime) line.Signed("atime", *c.atime);
  if (c.mtime) line.Signed("mtime", *c.mtime);
  if (c.atime_now) line.Text("atime", "now");
  if (c.mtime_now) line.Text("mtime", "now");
  return line.Take();
}

Result<PosixChanges> ParsePosixChanges(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const FieldLine line, FieldLine::Parse(text));
  PosixChanges c;
  if (const std::string* kind = line.Find("kind")) {
    c.kind = ParseFileKind(*kind);
    if (!c.kind) return Fail(Code::kInvalidInput, "An unknown kind of file.");
  }
  FB_ASSIGN_OR_RETURN(c.mode, line.Octal("mode"));
  if (c.mode && (*c.mode & ~kModeBits) != 0) {
    return Fail(Code::kInvalidInput, "A mode has no more than the bits 7777.");
  }
  FB_ASSIGN_OR_RETURN(c.uid, line.Number32("uid"));
  FB_ASSIGN_OR_RETURN(c.gid, line.Number32("gid"));
  FB_ASSIGN_OR_RETURN(c.rdev, line.Number32("rdev"));
  if (const std::string* target = line.Find("target")) c.target = *target;
  c.atime_now = line.Get("atime") == "now";
  c.mtime_now = line.Get("mtime") == "now";
  if (!c.atime_now) {
    FB_ASSIGN_OR_RETURN(c.atime, line.Signed("atime"));
  }
  if (!c.mtime_now) {
    FB_ASSIGN_OR_RETURN(c.mtime, line.Signed("mtime"));
  }
  return c;
}

FileKind KindOf(const Metadata& metadata) {
  for (const KindRow& row : kKinds) {
    if (row.mark.empty()) continue;
    const std::string* mark = Find(metadata, row.mark);
    if (mark != nullptr && EqualsIgnoreCase(*mark, "true")) return row.kind;
  }
  return FileKind::kFile;
}

std::optional<std::int64_t> StoredNumber(const Metadata& metadata, std::string_view name) {
  const std::string* text = Find(metadata, name);
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

void ReadStored(const Metadata& metadata, const std::optional<AccessControl>& access,
                bool directory, StoredTimes fallback, PosixAttributes& out) {
  out.kind = directory ? FileKind::kDirectory : KindOf(metadata);
  const auto stored_mode = StoredNumber(metadata, kPosixMode);
  const std::uint32_t kept =
      stored_mode ? static_cast<std::uint32_t>(*stored_mode) & kModeBits : 0U;
  if (access) {
    out.mode = ShownBits(*access) | (kept & (kSetuidBit | kSetgidBit));
  } else if (stored_mode) {
    out.mode = kept;
  } else {
    out.mode = AccessControl::Default(directory).mode;
  }
  out.uid = OwnerOf(access ? &access->owner : nullptr, metadata, kPosixOwner);
  out.gid = OwnerOf(access ? &access->group : nullptr, metadata, kPosixGroup);
  out.rdev = static_cast<std::uint32_t>(StoredNumber(metadata, kPosixDevice).value_or(0));
  out.btime = fallback.created;
  out.mtime = StoredNumber(metadata, kPosixModified).value_or(fallback.modified);
  out.atime = StoredNumber(metadata, kPosixAccessed).value_or(out.mtime);
  out.ctime = StoredNumber(metadata, kPosixChanged).value_or(fallback.modified);
}

void ApplyPosixChanges(const PosixChanges& changes, bool directory, std::int64_t now,
                       Metadata& metadata, std::optional<AccessControl>& access) {
  PosixAttributes before;
  ReadStored(metadata, access, directory, {}, before);
  const FileKind kind = changes.kind.value_or(before.kind);
  if (changes.kind && !RowOf(kind).mark.empty()) Store(metadata, RowOf(kind).mark, "true");
  if (changes.mode || changes.uid || changes.gid) {
    const std::uint32_t mode = changes.mode.value_or(before.mode);
    AccessControl now_set = access.value_or(AccessControl::Default(directory));
    now_set.owner = std::to_string(changes.uid.value_or(before.uid));
    now_set.group = std::to_string(changes.gid.value_or(before.gid));
    SetPermissions(now_set, static_cast<std::uint16_t>(mode & 01777));
    access = std::move(now_set);
    Store(metadata, kPosixOwner, std::int64_t{changes.uid.value_or(before.uid)});
    Store(metadata, kPosixGroup, std::int64_t{changes.gid.value_or(before.gid)});
    Store(metadata, kPosixMode, std::int64_t{RowOf(kind).type | mode});
  }
  if (changes.rdev) Store(metadata, kPosixDevice, std::int64_t{*changes.rdev});
  if (changes.mtime || changes.mtime_now) {
    Store(metadata, kPosixModified, changes.mtime.value_or(now));
  }
  if (changes.atime || changes.atime_now) {
    Store(metadata, kPosixAccessed, changes.atime.value_or(now));
  }
  Store(metadata, kPosixChanged, now);
}

void TouchStored(std::int64_t now, Metadata& metadata) {
  if (Find(metadata, kPosixModified) != nullptr) Store(metadata, kPosixModified, now);
  TouchChanged(now, metadata);
}

void TouchChanged(std::int64_t now, Metadata& metadata) {
  if (Find(metadata, kPosixChanged) != nullptr) Store(metadata, kPosixChanged, now);
}

}  // namespace forebay::azure
