#include "cli/reserve_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "base/log.h"

namespace forebay::cli {

ReserveFile::ReserveFile(io::FileSystem& fs, std::string path, std::uint64_t bytes,
                         std::uint64_t plenty_bytes)
    : fs_(fs), path_(std::move(path)), bytes_(bytes), plenty_bytes_(plenty_bytes) {}

Result<> ReserveFile::Keep() {
  const std::lock_guard lock(mutex_);
  if (auto file = fs_.Open(path_, io::OpenMode::kRead)) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t size, (*file)->Size());
    if (size == bytes_) return {};
    FB_RETURN_IF_ERROR(fs_.Remove(path_));  // of another configuration
  }
  FB_ASSIGN_OR_RETURN(const io::SpaceInfo space,
                      fs_.Space(path_.substr(0, path_.find_last_of('/'))));
  if (bytes_ == 0 || space.available_bytes < plenty_bytes_ + bytes_) return {};
  auto made = Allocate();
  // Half a reserve would be taken for a whole one of another size, and made again each time.
  if (!made) (void)fs_.Remove(path_);
  return made;
}

// Its blocks must be taken, not only its size.
Result<> ReserveFile::Allocate() {
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return Fail(Code::kIo, path_ + ": " + std::strerror(errno));
  // Not posix_fallocate, which writes it all where the file system knows no other way.
  const int failed = ::fallocate(fd, 0, 0, static_cast<off_t>(bytes_)) == 0 ? 0 : errno;
  ::close(fd);
  if (failed == 0) return {};
  const Code code = failed == EOPNOTSUPP ? Code::kUnsupported
                    : failed == ENOSPC   ? Code::kNoSpace
                                         : Code::kIo;
  return Fail(code, path_ + ": " + std::strerror(failed));
}

bool ReserveFile::Release() {
  const std::lock_guard lock(mutex_);
  if (!fs_.Remove(path_)) return false;
  Log(LogLevel::kWarn, "the disk is full; its reserve is given up so that deletes go on",
      {{"bytes", bytes_}});
  return true;
}

void ReserveFile::Start(std::chrono::milliseconds interval) {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this, interval](std::stop_token stop) {
    while (!stop.stop_requested()) {
      if (auto kept = Keep(); !kept) {
        Log(LogLevel::kWarn, "no reserve on the disk of the metadata",
            {{"error", kept.error().ToString()}});
        if (kept.error().code() == Code::kUnsupported) return;  // nor ever will be
      }
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, stop, interval, [] { return false; });
    }
  });
}

void ReserveFile::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  thread_ = {};
}

}  // namespace forebay::cli
