#include "vfs/adls_words.h"

#include <algorithm>

#include "azure/json.h"
#include "azure/properties.h"
#include "base/http_date.h"

namespace forebay::vfs {
namespace {

constexpr std::size_t kMaxListBytes = 64u << 20;
constexpr std::int64_t kTicksTo1970 = 116'444'736'000'000'000;

FileTime TimeOf(WallTime time) { return {time.ticks * 100}; }

std::string_view StringOf(const azure::Json& object, std::string_view name) {
  for (const azure::JsonMember& member : object.members) {
    if (member.name != name) continue;
    if (member.value.kind == azure::Json::Kind::kString) return member.value.string;
  }
  return {};
}

// Service versions differ in whether flags are texts.
bool FlagOf(const azure::Json& object, std::string_view name) {
  for (const azure::JsonMember& member : object.members) {
    if (member.name != name) continue;
    return member.value.boolean || member.value.string == "true";
  }
  return false;
}

// Owners are names in Azure; those that were set by number can be shown.
std::uint32_t NumberOr(std::string_view text, std::uint32_t fallback) {
  const auto number = azure::ParseUint(text);
  return number && *number <= 0xFFFF'FFFFu ? static_cast<std::uint32_t>(*number) : fallback;
}

Result<DirectoryEntry> EntryFrom(const azure::Json& path) {
  DirectoryEntry entry;
  entry.name = StringOf(path, "name");
  Attributes& attributes = entry.attributes;
  if (FlagOf(path, "isDirectory")) attributes.kind = FileKind::kDirectory;
  const std::string_view length = StringOf(path, "contentLength");
  attributes.size = azure::ParseUint(length).value_or(0);
  if (attributes.IsDirectory()) attributes.size = 0;
  attributes.allocated = attributes.size;
  attributes.mode = attributes.IsDirectory() ? 0755 : 0644;
  const std::string_view permissions = StringOf(path, "permissions");
  if (!permissions.empty()) {
    FB_ASSIGN_OR_RETURN(attributes.mode, ModeFromPermissions(permissions));
  }
  attributes.uid = NumberOr(StringOf(path, "owner"), 0);
  attributes.gid = NumberOr(StringOf(path, "group"), 0);
  if (const auto time = ParseHttpDate(StringOf(path, "lastModified"))) {
    attributes.mtime = attributes.ctime = attributes.atime = TimeOf(*time);
  }
  if (const auto created = azure::ParseUint(StringOf(path, "creationTime"))) {
    const std::int64_t ticks = static_cast<std::int64_t>(*created & INT64_MAX) - kTicksTo1970;
    // To the second, as the headers of the path have it.
    attributes.btime.ns = ticks / 10'000'000 * 1'000'000'000;
  }
  attributes.etag = azure::UnquoteETag(StringOf(path, "etag"));
  return entry;
}

}  // namespace

Result<std::uint32_t> ModeFromPermissions(std::string_view text) {
  static constexpr std::string_view kLetters = "rwxrwxrwx";
  if (text.ends_with('+')) text.remove_suffix(1);
  const auto bad = [] { return Fail(Code::kBadHttp, "The server's permissions are malformed."); };
  if (text.size() != kLetters.size()) return bad();
  std::uint32_t mode = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint32_t bit = 0400u >> i;
    if (text[i] == kLetters[i]) {
      mode |= bit;
    } else if (i == 8 && (text[i] == 't' || text[i] == 'T')) {
      mode |= 01000u | (text[i] == 't' ? bit : 0);
    } else if (text[i] != '-') {
      return bad();
    }
  }
  return mode;
}

std::string PermissionsFromMode(std::uint32_t mode) {
  std::string out(4, '0');
  for (int i = 3; i >= 0; --i, mode >>= 3) {
    const std::uint32_t digit = i == 0 ? mode & 1 : mode & 7;
    out[static_cast<std::size_t>(i)] = static_cast<char>('0' + digit);
  }
  return out;
}

Result<Attributes> AttributesFromHeaders(const http::Headers& headers) {
  Attributes out;
  const std::string_view kind = headers.Get("x-ms-resource-type");
  const bool folder = headers.Get("x-ms-meta-hdi_isfolder") == "true";
  if (kind == "directory" || folder) out.kind = FileKind::kDirectory;
  if (!out.IsDirectory()) out.size = azure::ParseUint(headers.Get("Content-Length")).value_or(0);
  out.allocated = out.size;
  out.mode = out.IsDirectory() ? 0755 : 0644;
  const std::string_view permissions = headers.Get("x-ms-permissions");
  if (!permissions.empty()) {
    FB_ASSIGN_OR_RETURN(out.mode, ModeFromPermissions(permissions));
  }
  out.uid = NumberOr(headers.Get("x-ms-owner"), 0);
  out.gid = NumberOr(headers.Get("x-ms-group"), 0);
  if (const auto time = ParseHttpDate(headers.Get("Last-Modified"))) {
    out.mtime = out.ctime = out.atime = TimeOf(*time);
  }
  if (const auto time = ParseHttpDate(headers.Get("x-ms-creation-time"))) {
    out.btime = TimeOf(*time);
  }
  out.etag = azure::UnquoteETag(headers.Get("ETag"));
  return out;
}

Result<std::vector<DirectoryEntry>> EntriesFromJson(std::string_view json,
                                                    std::string_view directory) {
  const auto bad = [] { return Fail(Code::kBadHttp, "The server's listing is malformed."); };
  auto document = azure::ParseJson(json, kMaxListBytes);
  if (!document || document->kind != azure::Json::Kind::kObject) return bad();
  std::vector<DirectoryEntry> out;
  for (const azure::JsonMember& member : document->members) {
    if (member.name != "paths") continue;
    for (const azure::Json& path : member.value.items) {
      FB_ASSIGN_OR_RETURN(DirectoryEntry entry, EntryFrom(path));
      std::string_view name = entry.name;
      if (!directory.empty()) {
        if (!name.starts_with(directory) || name.size() <= directory.size() + 1 ||
            name[directory.size()] != '/') {
          continue;
        }
        name.remove_prefix(directory.size() + 1);
      }
      while (name.ends_with('/')) name.remove_suffix(1);
      // What a kernel cannot take as a name is no entry: an empty one, or one with a slash.
      if (name.empty() || name.contains('/') || name == "." || name == ".." ||
          name.size() > kMaxNameBytes) {
        continue;
      }
      entry.name = std::string(name);
      out.push_back(std::move(entry));
    }
  }
  return out;
}

std::vector<KeptPart> CoverRange(const std::vector<azure::ListedBlock>& committed, KeptRange range,
                                 std::uint64_t max_copy) {
  std::vector<KeptPart> out;
  const auto copy = [&](std::uint64_t from, std::uint64_t to) {
    while (from < to) {
      const std::uint64_t step = std::min(to - from, max_copy);
      out.push_back({from, step, {}});
      from += step;
    }
  };
  const std::uint64_t end = range.offset + range.length;
  std::uint64_t done = range.offset;
  std::uint64_t at = 0;
  for (const azure::ListedBlock& block : committed) {
    const std::uint64_t begin = at;
    at += block.size;
    if (begin < done || at > end || block.size == 0) continue;
    copy(done, begin);
    out.push_back({begin, block.size, block.id.str()});
    done = at;
  }
  copy(done, end);
  return out;
}

}  // namespace forebay::vfs
