// What was read of files, on a local disk, for the next mount too: pages of file versions, found
// again by the file and its ETag. A page of another version is never asked for, so that what lies
// here is never wrong, only no longer of use; the pages that were used least lately go first.
//
// Nothing here is needed: every failure of the disk is a miss, and what cannot be written is left
// out. Nothing is synced; a page whose checksum is not that of its bytes (a torn write, a power
// cut, bit rot) is not served and taken away. Format: docs/formats/mount-cache.md.
//
// Thread safe; calls run on their caller's executor and the disk's work on a pool of its own. One
// process at a time has a directory. Destroyed before the loops whose coroutines wait in Read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "async/thread_pool.h"
#include "io/file_system.h"
#include "vfs/memory_pool.h"
#include "vfs/remote.h"

namespace forebay::vfs {

struct DiskCacheOptions {
  std::string directory;  // what is under it is ours
  // What is cached, and nothing of anything else: the server and the container, without a secret.
  std::string source;
  std::uint64_t bytes = 10ULL << 30;
  std::size_t threads = 4;
  // Pages that wait to be written; beyond it they are left out.
  std::size_t queue_bytes = 64_MiB;
};

class DiskCache {
 public:
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t hit_bytes = 0;
    std::uint64_t misses = 0;
    std::uint64_t written = 0;
    std::uint64_t written_bytes = 0;
    std::uint64_t evicted = 0;
    std::uint64_t damaged = 0;  // pages whose checksum was wrong
    std::uint64_t failed = 0;   // what the disk refused
    std::uint64_t left_out = 0;
    std::uint64_t bytes = 0;  // that lie there now
  };

  // Makes the directory, takes it, and looks at what is there. Blocks. kLocked: another mount has
  // it; kIo and the like: it cannot be used.
  static Result<std::unique_ptr<DiskCache>> Open(io::FileSystem& fs, DiskCacheOptions options);
  ~DiskCache();  // writes what waits
  DiskCache(const DiskCache&) = delete;
  DiskCache& operator=(const DiskCache&) = delete;

  // Bytes [offset, offset + into.size()) of the version: true when all of them were there, in the
  // page that begins at `offset`. A failure is a miss.
  boost::asio::awaitable<bool> Read(FileRef file, ETag etag, std::uint64_t offset,
                                    MutableByteView into);
  // The page of `bytes` bytes that begins at `offset`, some time later.
  void Write(const FileRef& file, const ETag& etag, std::uint64_t offset,
             std::shared_ptr<Memory> memory, std::size_t bytes);
  // Returns when nothing waits to be written. For tests and the end of a mount; blocks.
  void Drain();
  Counts counts() const;
  const std::string& place() const { return place_; }  // the directory of this source

 private:
  struct Entry {
    std::uint64_t size = 0;  // of the file
    std::list<std::string>::iterator place;
  };
  DiskCache(io::FileSystem& fs, DiskCacheOptions options);
  Result<> Load();
  std::string KeyOf(const FileRef& file, const ETag& etag) const;
  static std::string NameOf(const std::string& key, std::uint64_t offset);
  std::string PathOf(const std::string& name) const;

  Result<bool> ReadPage(const std::string& key, std::uint64_t offset, MutableByteView into);
  void WritePage(const std::string& key, std::uint64_t offset, ByteView bytes);
  Result<> Store(const std::string& name, ByteView header, ByteView bytes);
  // Counts the bytes as used, once the oldest pages have made room for them.
  bool TakeRoom(std::uint64_t bytes);
  void Forget(const std::string& name, bool damaged);
  void Enter(const std::string& name, std::uint64_t size);  // with mutex_
  void Unqueue(std::uint64_t bytes);                        // with mutex_

  io::FileSystem& fs_;
  const DiskCacheOptions options_;
  const std::string place_;
  std::unique_ptr<io::FileLock> lock_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;  // by name
  std::list<std::string> order_;                    // what was used last in front
  std::uint64_t bytes_ = 0;
  std::uint64_t queued_bytes_ = 0;
  std::condition_variable drained_;  // queued_bytes_ is zero
  std::uint64_t next_temporary_ = 0;
  Counts counts_;
  ThreadPool pool_;  // last: its jobs use the rest
};

}  // namespace forebay::vfs
