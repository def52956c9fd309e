// Open files with buffers: what one writes is cut into blocks that are uploaded while the writer
// goes on, what one reads is fetched ahead, and both stay within a budget.
//
// Makes BufferedFiles (buffered_file.h), and owns what they share: memory, the cache of what was
// read, the uploads and fetches under way. Thread safe. Remote and Loops outlive it; Stop comes
// before destruction, and after the last operation of a file.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "async/semaphore.h"
#include "async/task_group.h"
#include "vfs/content_cache.h"
#include "vfs/loops.h"
#include "vfs/memory_pool.h"
#include "vfs/open_file.h"
#include "vfs/remote.h"

namespace forebay::vfs {

class BufferedFile;
class DiskCache;

struct BufferedFilesOptions {
  // Memory for what is not on the server yet; writers wait for it.
  std::size_t write_bytes = 256_MiB;
  // Memory for what was read.
  std::size_t cache_bytes = 256_MiB;
  // A block that is uploaded at once; one of MemoryPool::kSizes.
  std::size_t block_bytes = 8_MiB;
  // How far ahead one reader is fetched for.
  std::uint64_t read_ahead_bytes = 16_MiB;
  std::size_t uploads = 8;  // at a time
  // Where what was read is kept beyond the mount; null: nowhere. Outlives the files.
  DiskCache* disk = nullptr;
};

class BufferedFiles : public OpenFileMaker {
 public:
  BufferedFiles(Remote& remote, RemoteTraits traits, const Loops& loops,
                BufferedFilesOptions options);
  ~BufferedFiles() override;

  std::shared_ptr<OpenFile> Make(OpenFileRequest request) override;
  // Gives up what is under way, and waits until it has ended. What was not flushed is lost.
  Task<> Stop();

  // --- for BufferedFile ---
  Remote& remote() { return remote_; }
  const RemoteTraits& traits() const { return traits_; }
  const BufferedFilesOptions& options() const { return options_; }
  ContentCache& cache() { return cache_; }
  MemoryPool& pool() { return pool_; }
  Semaphore& write_budget() { return write_budget_; }
  Semaphore& uploads() { return uploads_; }
  // Work behind an operation's back: it ends with Stop, not with the operation.
  void Spawn(boost::asio::awaitable<void> task) { group_.Spawn(loops_.Any(), std::move(task)); }
  OpContext background() const { return {.request_id = {}, .cancel = group_.token()}; }
  // Half of the memory for writes or more is free.
  bool Relaxed() const;
  // Somebody waits for memory: every file gives back what it can.
  void Squeeze();

 private:
  Remote& remote_;
  const RemoteTraits traits_;
  const Loops& loops_;
  const BufferedFilesOptions options_;
  MemoryPool pool_;
  ContentCache cache_;
  Semaphore write_budget_;
  Semaphore uploads_;
  TaskGroup group_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<BufferedFile>> files_;  // guarded by mutex_
};

}  // namespace forebay::vfs
