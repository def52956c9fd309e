// A file that only takes room, to be given up when the disk is full: so that deletes can commit
// even where others have written the disk to its last byte, and make room in their turn.
//
// Made in the background while there is plenty, given up by whoever finds the disk full, and made
// again later. A disk too small for it goes without. Thread safe; Start and Stop from one thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "io/file_system.h"

namespace forebay::cli {

class ReserveFile {
 public:
  // `bytes` in the file at `path`, while `plenty_bytes` more are available beside it.
  ReserveFile(io::FileSystem& fs, std::string path, std::uint64_t bytes,
              std::uint64_t plenty_bytes);
  ~ReserveFile() { Stop(); }

  // Makes it where it is missing and there is room; not an error where there is none. kUnsupported:
  // the file system cannot set blocks aside. Blocks.
  Result<> Keep();
  // Gives it up; false when there was nothing to give.
  bool Release();

  // Keep, now and then.
  void Start(std::chrono::milliseconds interval);
  void Stop();

 private:
  Result<> Allocate();

  io::FileSystem& fs_;
  const std::string path_;
  const std::uint64_t bytes_;
  const std::uint64_t plenty_bytes_;
  std::mutex mutex_;  // one at a time makes it or gives it up
  std::mutex wake_mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace forebay::cli
