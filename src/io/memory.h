// A FileSystem in memory that knows what a power cut would leave.
//
// Every file and every directory has two states: what a process sees, and what is on stable
// storage. File::Sync carries a file's contents over, SyncDir a directory's entries. `DropUnsynced`
// makes the second state the only one; with a seed it keeps, as disks do, a random part of what was
// not synced: any subset of the writes of a file, some of them torn at a sector, and any prefix of
// the changes of a directory. Directories themselves are durable at once (MakeDirs syncs parents,
// see posix.h).
//
// Thread safe, by one lock. Files opened before a DropUnsynced are of a process that died: they
// fail with kIo from then on, and their locks are free. descriptor() is -1.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "io/file_system.h"

namespace forebay::io {

class MemoryFileSystem final : public FileSystem {
 public:
  struct Options {
    // Writes that would occupy more fail with kNoSpace.
    std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
  };
  MemoryFileSystem() : MemoryFileSystem(Options{}) {}
  explicit MemoryFileSystem(Options options);
  ~MemoryFileSystem() override;

  // The power cut. Without a seed nothing that was not synced survives.
  void DropUnsynced(std::optional<std::uint64_t> seed = std::nullopt);
  void SetCapacity(std::uint64_t bytes);
  // Flips bits of the byte at `offset` of a file, both as seen and as stored: bit rot.
  Result<> CorruptByte(const std::string& path, std::uint64_t offset);

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

  struct State;  // internal to memory.cc

 private:
  std::shared_ptr<State> state_;
};

}  // namespace forebay::io
