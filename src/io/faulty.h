// A FileSystem that fails where a test says so, over another that does the work.
//
// Calls that change something (create, write, sync, punch, truncate, remove, rename, link, make and
// sync directories) are counted from 1. `CrashAt(n)` lets the calls before the n-th through and
// fails every later one, reads too, as a process that died: then drop what was not synced of the
// MemoryFileSystem underneath, Heal, and open again. `AddFault` fails chosen calls on chosen paths.
//
// Thread safe. Must outlive its files; `base` must outlive it.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "io/file_system.h"

namespace forebay::io {

// Bits, to be or-ed.
enum FaultOps : std::uint32_t {
  kOpRead = 1 << 0,
  kOpWrite = 1 << 1,
  kOpSync = 1 << 2,
  kOpPunch = 1 << 3,
  kOpTruncate = 1 << 4,
  kOpOpen = 1 << 5,       // of what exists
  kOpCreate = 1 << 6,     // an Open that may create
  kOpDirectory = 1 << 7,  // make, sync, rename, link, remove
  kOpLook = 1 << 8,       // list, exists, space, size, lock
  kOpAll = (1 << 9) - 1,
};

struct Fault {
  std::uint32_t ops = kOpAll;
  std::string path_contains;  // empty: every path
  Code code = Code::kIo;
  std::uint64_t skip = 0;            // matching calls to let through first
  std::uint64_t times = UINT64_MAX;  // matching calls to fail after that
};

class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  void AddFault(Fault fault);
  // The n-th changing call from the start of this object's life, and all after it, fail with kIo.
  void CrashAt(std::uint64_t n);
  // Forgets faults and the crash, and counts from 1 again.
  void Heal();
  std::uint64_t operations() const;
  bool crashed() const;

  // Decides the fate of one call; used by the files of this object too.
  Result<> Check(FaultOps op, const std::string& path);

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  Result<> MakeDirs(const std::string& path) override;
  Result<> Remove(const std::string& path) override;
  Result<> Rename(const std::string& from, const std::string& to) override;
  Result<> Link(const std::string& from, const std::string& to) override;
  Result<> SyncDir(const std::string& path) override;
  Result<std::vector<DirEntry>> List(const std::string& path) const override;
  Result<bool> Exists(const std::string& path) const override;
  Result<SpaceInfo> Space(const std::string& path) const override;
  Result<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  Result<> CheckLook(const std::string& path) const;

  FileSystem& base_;
  mutable std::mutex mutex_;
  mutable std::vector<Fault> faults_;
  std::uint64_t operations_ = 0;
  std::uint64_t crash_at_ = UINT64_MAX;
};

}  // namespace forebay::io
