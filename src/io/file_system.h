// Files and directories behind an interface, so that tests can lose power, fill disks and break
// media.
//
// Implementations: PosixFileSystem (posix.h), MemoryFileSystem (memory.h: keeps what was synced
// apart from what was not and can drop the rest, as a power cut does), FaultyFileSystem (faulty.h:
// wraps another and fails or stops at a chosen operation). Paths are absolute or relative to the
// process. Every call blocks; call it on a pool. FileSystem and File are thread safe; concurrent
// writes to overlapping ranges of one file are the caller's to avoid. Errors: kNotFound,
// kAlreadyExists, kNoSpace, kLocked, kIo (with the path and errno's text).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace forebay::io {

class File {
 public:
  virtual ~File() = default;
  // Reads up to data.size() bytes at `offset`; fewer only at the end of the file.
  virtual Result<std::size_t> ReadAt(MutableByteView data, std::uint64_t offset) const = 0;
  // Writes all of `data` at `offset`, extending the file.
  virtual Result<> WriteAt(ByteView data, std::uint64_t offset) = 0;
  // Writes the buffers one after the other at `offset`, in as few calls as the system allows.
  virtual Result<> WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) = 0;
  // fdatasync: contents and size are on stable storage.
  virtual Result<> Sync() = 0;
  // Gives [offset, offset+length) back to the file system; it reads as zeros, the size stays.
  virtual Result<> PunchHole(std::uint64_t offset, std::uint64_t length) = 0;
  virtual Result<> Truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> Size() const = 0;
  // Bytes the file really occupies.
  virtual Result<std::uint64_t> AllocatedBytes() const = 0;
  // True when every page of the range is in the page cache (cachestat(2), else preadv2 RWF_NOWAIT).
  // A hint; in-memory files answer true.
  virtual bool Resident(std::uint64_t offset, std::uint64_t length) const = 0;
  // Starts write-back of the range without waiting (sync_file_range); a hint.
  virtual void StartWriteback(std::uint64_t offset, std::uint64_t length) = 0;
  // The descriptor for sendfile(2), or -1.
  virtual int descriptor() const = 0;
};

enum class OpenMode : std::uint8_t {
  kRead,          // must exist
  kReadWrite,     // must exist
  kCreate,        // read and write; must not exist
  kCreateOrOpen,  // read and write
};

struct SpaceInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to this user
};

struct DirEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t size = 0;
};

// Released on destruction.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual Result<> MakeDirs(const std::string& path) = 0;  // mkdir -p; existing is success
  virtual Result<> Remove(const std::string& path) = 0;    // a file or an empty directory
  virtual Result<> Rename(const std::string& from, const std::string& to) = 0;  // replaces
  virtual Result<> Link(const std::string& from, const std::string& to) = 0;    // hard link
  // Makes creations, renames and removals in `path` durable.
  virtual Result<> SyncDir(const std::string& path) = 0;
  virtual Result<std::vector<DirEntry>> List(const std::string& path) const = 0;  // sorted by name
  virtual Result<bool> Exists(const std::string& path) const = 0;
  virtual Result<SpaceInfo> Space(const std::string& path) const = 0;
  // An exclusive advisory lock that dies with the process (kLocked when another holds it).
  virtual Result<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// Whole small files. WriteFileAtomically writes a temporary, syncs it, renames it and syncs the
// folder.
Result<std::string> ReadFile(FileSystem& fs, const std::string& path);
Result<> WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view contents);

}  // namespace forebay::io
