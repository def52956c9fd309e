// Attributes of files as the POSIX extensions spell them (docs/posix-extensions.md), and their
// stored form: blob metadata as AzCopy's --preserve-posix-properties writes it, so that they
// survive in a lake that knows nothing of them.
//
// Pure, thread safe, safe on hostile input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "azure/acl.h"
#include "azure/field_line.h"
#include "azure/properties.h"
#include "base/result.h"

namespace forebay::azure {

enum class FileKind : std::uint8_t {
  kFile,
  kDirectory,
  kSymlink,
  kFifo,
  kSocket,
  kCharacterDevice,
  kBlockDevice,
};
std::string_view FileKindName(FileKind kind);  // "file", "dir", "symlink", "fifo", …
std::optional<FileKind> ParseFileKind(std::string_view text);

inline constexpr std::uint32_t kModeBits = 07777;  // setuid, setgid, sticky, rwx three times
inline constexpr std::uint32_t kSetuidBit = 04000;
inline constexpr std::uint32_t kSetgidBit = 02000;
inline constexpr std::size_t kMaxPosixNameBytes = 255;
inline constexpr std::size_t kMaxPosixPathBytes = 4096;
inline constexpr std::size_t kMaxSymlinkBytes = 4095;

// What a node may have, as a sum: so that nobody needs to ask for what is not there.
inline constexpr std::uint32_t kHasXattrs = 1;  // user., trusted., security.
inline constexpr std::uint32_t kHasAccessAcl = 2;
inline constexpr std::uint32_t kHasDefaultAcl = 4;
inline constexpr std::uint32_t kMayHaveAll = kHasXattrs | kHasAccessAcl | kHasDefaultAcl;

// What `stat` and `list` say of a node. Times are nanoseconds since 1970.
struct PosixAttributes {
  std::uint64_t inode = 0;
  FileKind kind = FileKind::kFile;
  std::uint32_t mode = 0;  // kModeBits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t nlink = 1;
  std::uint32_t rdev = 0;
  std::uint64_t size = 0;
  std::uint64_t used = 0;  // bytes that take room
  std::uint32_t has = kMayHaveAll;
  std::int64_t atime = 0;
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;
  std::int64_t btime = 0;
  std::string etag;    // bare
  std::string target;  // of a symbolic link, where asked for
  std::string name;    // in listings

  friend bool operator==(const PosixAttributes&, const PosixAttributes&) = default;
};
std::string FormatPosixAttributes(const PosixAttributes& attributes);
// Unknown fields are ignored, absent ones keep their default. kInvalidInput.
Result<PosixAttributes> ParsePosixAttributes(std::string_view line);

// x-ms-posix-set: what a request gives a node. Absent: stays.
struct PosixChanges {
  std::optional<FileKind> kind;  // of `create` only
  std::optional<std::uint32_t> mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::uint32_t> rdev;
  std::optional<std::string> target;
  std::optional<std::int64_t> atime;
  std::optional<std::int64_t> mtime;
  bool atime_now = false;
  bool mtime_now = false;

  bool Empty() const {
    return !kind && !mode && !uid && !gid && !rdev && !target && !atime && !mtime && !atime_now &&
           !mtime_now;
  }
};
std::string FormatPosixChanges(const PosixChanges& changes);
// kInvalidInput.
Result<PosixChanges> ParsePosixChanges(std::string_view line);

// The stored form.
FileKind KindOf(const Metadata& metadata);  // of what is no directory
std::optional<std::int64_t> StoredNumber(const Metadata& metadata, std::string_view name);
inline constexpr std::string_view kPosixOwner = "posix_owner";
inline constexpr std::string_view kPosixGroup = "posix_group";
inline constexpr std::string_view kPosixMode = "permissions";  // decimal st_mode
inline constexpr std::string_view kPosixModified = "modtime";
inline constexpr std::string_view kPosixAccessed = "posix_atime";
inline constexpr std::string_view kPosixChanged = "posix_ctime";
inline constexpr std::string_view kPosixDevice = "posix_rdev";

// Fills mode, owner, group, device and times from what is stored. What an ADLS client set by the
// public API's access control wins over the metadata; `fallback` is the time of what has none.
struct StoredTimes {
  std::int64_t created = 0;
  std::int64_t modified = 0;
};
void ReadStored(const Metadata& metadata, const std::optional<AccessControl>& access,
                bool directory, StoredTimes fallback, PosixAttributes& out);

// Applies the changes to the stored form; `now` in nanoseconds. ctime becomes now.
void ApplyPosixChanges(const PosixChanges& changes, bool directory, std::int64_t now,
                       Metadata& metadata, std::optional<AccessControl>& access);
// Content changed: mtime and ctime, where they are stored at all, become now.
void TouchStored(std::int64_t now, Metadata& metadata);
// A name came, went or changed: ctime, where it is stored at all.
void TouchChanged(std::int64_t now, Metadata& metadata);

}  // namespace forebay::azure
