#include "io/posix_file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace forebay::io::internal {
namespace {

// Older kernel headers lack cachestat(2) (Linux 6.5); the number is the same on every architecture.
constexpr long kCachestatSyscall = 451;
struct CachestatRange {
  std::uint64_t offset;
  std::uint64_t length;
};
struct Cachestat {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

std::uint64_t PageBytes() {
  static const auto bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

bool ResidentByReading(int fd, std::uint64_t offset, std::uint64_t length) {
  constexpr std::size_t kScratchBytes = 4096;
  static thread_local std::array<std::byte, kScratchBytes> scratch;
  std::vector<iovec> vectors;
  while (length > 0) {
    vectors.clear();
    std::uint64_t batch = 0;
    while (batch < length && vectors.size() < IOV_MAX) {
      std::size_t n =
          static_cast<std::size_t>(std::min<std::uint64_t>(length - batch, kScratchBytes));
      vectors.push_back({scratch.data(), n});
      batch += n;
    }
    ssize_t got = ::preadv2(fd, vectors.data(), static_cast<int>(vectors.size()),
                            static_cast<off_t>(offset), RWF_NOWAIT);
    if (got < 0 || static_cast<std::uint64_t>(got) != batch) return false;
    offset += batch;
    length -= batch;
  }
  return true;
}

Error ErrnoError(std::string_view call, std::string_view path, int error) {
  Code code = Code::kIo;
  switch (error) {
    case ENOENT:
      code = Code::kNotFound;
      break;
    case EEXIST:
      code = Code::kAlreadyExists;
      break;
    case ENOSPC:
    case EDQUOT:
      code = Code::kNoSpace;
      break;
    case EOPNOTSUPP:
    case ENOSYS:
      code = Code::kUnsupported;
      break;
    default:
      break;
  }
  std::string message(call);
  message.append(" ").append(path).append(": ");
  message += std::generic_category().message(error);
  return Error(code, std::move(message));
}

PosixFile::~PosixFile() { ::close(fd_); }

Result<std::size_t> PosixFile::ReadAt(MutableByteView data, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < data.size()) {
    ssize_t n =
        ::pread(fd_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrnoError("read", path_, errno));
    }
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<> PosixFile::WriteAt(ByteView data, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < data.size()) {
    ssize_t n =
        ::pwrite(fd_, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrnoError("write", path_, errno));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<> PosixFile::WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) {
  std::vector<iovec> vectors;
  std::size_t first = 0;
  while (true) {
    while (first < data.size() && data[first].empty()) ++first;
    if (first == data.size()) return {};
    vectors.clear();
    for (std::size_t i = first; i < data.size() && vectors.size() < IOV_MAX; ++i) {
      vectors.push_back({const_cast<std::byte*>(data[i].data()), data[i].size()});
    }
    ssize_t n = ::pwritev(fd_, vectors.data(), static_cast<int>(vectors.size()),
                          static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return Fail(ErrnoError("write", path_, errno));
    }
    offset += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    while (left > 0) {  // a short write ends inside some buffer
      std::size_t take = std::min(left, data[first].size());
      data[first] = data[first].subspan(take);
      left -= take;
      if (data[first].empty()) ++first;
    }
  }
}

Result<> PosixFile::Sync() {
  // Never retried: after a failure the kernel drops the dirty pages and a second call would
  // succeed.
  if (::fdatasync(fd_) != 0) return Fail(ErrnoError("fdatasync", path_, errno));
  return {};
}

Result<> PosixFile::PunchHole(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return {};
  while (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(length)) != 0) {
    if (errno != EINTR) return Fail(ErrnoError("punch hole in", path_, errno));
  }
  return {};
}

Result<> PosixFile::Truncate(std::uint64_t size) {
  while (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return Fail(ErrnoError("truncate", path_, errno));
  }
  return {};
}

Result<std::uint64_t> PosixFile::Size() const {
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return Fail(ErrnoError("stat", path_, errno));
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::uint64_t> PosixFile::AllocatedBytes() const {
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return Fail(ErrnoError("stat", path_, errno));
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

bool PosixFile::Resident(std::uint64_t offset, std::uint64_t length) const {
  if (length == 0) return true;
  static std::atomic<bool> have_cachestat{true};
  if (have_cachestat.load(std::memory_order_relaxed)) {
    CachestatRange range{offset, length};
    Cachestat stat{};
    if (::syscall(kCachestatSyscall, fd_, &range, &stat, 0) == 0) {
      std::uint64_t first = offset / PageBytes();
      std::uint64_t last = (offset + length - 1) / PageBytes();
      return stat.cached >= last - first + 1;
    }
    // ENOSYS on older kernels, EPERM under a seccomp filter that does not know the call.
    if (errno != ENOSYS && errno != EPERM && errno != EOPNOTSUPP) return false;
    have_cachestat.store(false, std::memory_order_relaxed);
  }
  return ResidentByReading(fd_, offset, length);
}

void PosixFile::StartWriteback(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;  // 0 would mean "to the end of the file"
  (void)::sync_file_range(fd_, static_cast<off_t>(offset), static_cast<off_t>(length),
                          SYNC_FILE_RANGE_WRITE);
}

}  // namespace forebay::io::internal
