// FileSystem over the POSIX calls of the machine.
//
// Thread safe; stateless apart from open descriptors. Every call blocks. Files are opened
// close-on-exec. MakeDirs syncs the parent of every directory it makes, so that a data directory
// survives a power cut without its user thinking of it; everything else becomes durable as
// file_system.h says. Errors: those of file_system.h; kUnsupported where the file system underneath
// cannot punch holes.
#pragma once

#include "io/file_system.h"

namespace forebay::io {

class PosixFileSystem final : public FileSystem {
 public:
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
};

}  // namespace forebay::io
