// Bytes of files read from the server's own disks, where the mount runs on the server's machine and
// may open its segment files: no request, no copy between processes.
//
// The server says where the bytes of a version lie, piece by piece (docs/posix-extensions.md,
// `layout`); a window of a file at a time is remembered here. A read takes place only while all of
// this holds: the version is the one asked for, and was looked at within kTrust; the file that was
// opened is the one the server meant; the bytes are in the page cache; and the counter that the
// server moves before it gives bytes back has not moved by the time they were read. Otherwise the
// answer is "ask the server".
//
// Thread safe; never waits for a disk or a network. Bounded: kMostWindows windows, kMostFiles
// files.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "vfs/types.h"

namespace forebay::vfs {

// As the server tells it.
struct LocalPiece {
  enum class Kind : std::uint8_t { kFile, kZero, kOther };
  Kind kind = Kind::kOther;
  std::uint64_t length = 0;
  std::uint64_t offset = 0;  // in the file
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string board;
  std::uint32_t slot = 0;
  std::uint64_t count = 0;
};

class LocalFiles {
 public:
  static constexpr std::uint64_t kWindow = 4u << 20;
  static constexpr std::size_t kMostWindows = 32'768;
  static constexpr std::size_t kMostFiles = 256;
  static constexpr std::size_t kMostBytes = 256u << 10;  // of a read that is worth it
  static constexpr std::chrono::milliseconds kTrust{1000};

  explicit LocalFiles(Clock& clock = Clock::System());
  ~LocalFiles();
  LocalFiles(const LocalFiles&) = delete;
  LocalFiles& operator=(const LocalFiles&) = delete;

  // The size of the version, when all of `into` was read.
  std::optional<std::uint64_t> Read(RemoteId id, const ETag& etag, std::uint64_t offset,
                                    MutableByteView into);
  // Whether the server is to be asked for the window, now that Read did not do it: a file that is
  // read in small pieces again and again.
  bool ShouldAsk(RemoteId id, const ETag& etag, std::uint64_t offset, std::size_t bytes);
  // What it said of the window that begins at `begin`; `asked`: when it was asked.
  void Learn(RemoteId id, const ETag& etag, std::uint64_t file_size, std::uint64_t begin,
             const std::vector<LocalPiece>& pieces, SteadyTime asked);
  // It said nothing of it: nobody asks for the window for kTrust.
  void Failed(RemoteId id, const ETag& etag, std::uint64_t begin, SteadyTime asked);
  // This server, or this machine, does not do it: nobody asks again.
  void TurnOff() { off_.store(true, std::memory_order_relaxed); }

 private:
  struct File;
  struct Board;
  struct Piece;
  struct Window;
  struct Version;

  std::shared_ptr<const File> Open(const LocalPiece& piece);  // with mutex_
  std::shared_ptr<const Board> Map(const std::string& path);  // with mutex_
  void Keep(Version& version, std::uint64_t number,
            std::shared_ptr<const Window> window);  // with mutex_
  // With mutex_: the file of counters was replaced since it was mapped.
  bool AnotherBoard(const std::vector<LocalPiece>& pieces) const;
  static bool ReadWindow(const Window& window, std::uint64_t offset, MutableByteView into);

  Clock& clock_;
  std::atomic<bool> off_{false};
  mutable std::shared_mutex mutex_;                                       // guards the maps
  std::unordered_map<std::uint64_t, std::shared_ptr<Version>> versions_;  // by RemoteId
  std::map<std::string, std::shared_ptr<const File>> files_;
  std::map<std::string, std::shared_ptr<const Board>> boards_;
  std::size_t windows_ = 0;
};

}  // namespace forebay::vfs
