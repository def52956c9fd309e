// One open file of PosixFileSystem. Internal to io/; see posix.h for threads and failure.
#pragma once

#include <string>

#include "io/file_system.h"

namespace forebay::io::internal {

// The Error for `errno` as it stands after `call` failed on `path`.
Error ErrnoError(std::string_view call, std::string_view path, int error);

// Resident for kernels without cachestat(2): asks for the bytes without waiting. Every iovec points
// at one small scratch page, so that the copies stay in the processor's cache.
bool ResidentByReading(int fd, std::uint64_t offset, std::uint64_t length);

// Owns `fd`.
class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<std::size_t> ReadAt(MutableByteView data, std::uint64_t offset) const override;
  Result<> WriteAt(ByteView data, std::uint64_t offset) override;
  Result<> WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) override;
  Result<> Sync() override;
  Result<> PunchHole(std::uint64_t offset, std::uint64_t length) override;
  Result<> Truncate(std::uint64_t size) override;
  Result<std::uint64_t> Size() const override;
  Result<std::uint64_t> AllocatedBytes() const override;
  bool Resident(std::uint64_t offset, std::uint64_t length) const override;
  void StartWriteback(std::uint64_t offset, std::uint64_t length) override;
  int descriptor() const override { return fd_; }

 private:
  int fd_;
  std::string path_;
};

}  // namespace forebay::io::internal
