// A data directory opened for work: lock, key-value store, chunk store, engine services. The
// composition root of everything below the network; `serve`, `fsck` and `backup` share it.
//
// Made and destroyed on one thread; what it hands out is thread safe.
#pragma once

#include <memory>
#include <string>

#include "async/thread_pool.h"
#include "chunk/scrubber.h"
#include "chunk/segment_chunk_store.h"
#include "cli/reserve_file.h"
#include "config/config.h"
#include "engine/services.h"
#include "engine/sweeper.h"
#include "io/posix.h"
#include "kv/rocksdb.h"

namespace forebay::cli {

class Node {
 public:
  // Locks the first data directory (kLocked when another server has it), opens and recovers. Makes
  // a new store where there is none. Blocks.
  static Result<std::unique_ptr<Node>> Open(const config::Config& config);
  // As Open, but kNotFound where there is no store yet: for commands that look after one.
  static Result<std::unique_ptr<Node>> OpenExisting(const config::Config& config);
  ~Node();

  // Starts background work: freeing, sweeping, scrubbing.
  void Start();
  // Ends it. The event loops whose coroutines use the services must be still then.
  void Stop();

  engine::Services& services() { return *services_; }
  kv::RocksDbStore& store() { return *store_; }
  chunk::SegmentChunkStore& chunks() { return *chunks_; }
  chunk::Scrubber& scrubber() { return *scrubber_; }
  const engine::Sweeper& sweeper() const { return *sweeper_; }
  // The first data directory, absolute.
  const std::string& directory() const { return directory_; }
  const std::string& metadata_path() const { return metadata_path_; }
  // Why writes are not welcome at the moment: kBusy (the metadata store holds them back), kNoSpace,
  // kVolumeFailed. Asks the disks, so it may block.
  Result<> ReadyToWrite() const;

 private:
  Node() = default;
  Result<> OpenStore(const config::Config& config);

  io::PosixFileSystem fs_;
  std::string directory_;
  std::uint64_t disk_reserve_ = 0;
  std::string metadata_path_;
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<ReserveFile> reserve_;
  std::unique_ptr<kv::RocksDbStore> store_;
  std::unique_ptr<chunk::SegmentChunkStore> chunks_;
  std::unique_ptr<chunk::Scrubber> scrubber_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<meta::IdSource> ids_;
  std::unique_ptr<meta::ETagSource> etags_;
  std::unique_ptr<engine::BufferPool> buffers_;
  engine::BodyPins pins_;
  std::unique_ptr<engine::DiskRoom> room_;
  std::unique_ptr<engine::Services> services_;
  std::unique_ptr<engine::Sweeper> sweeper_;
};

}  // namespace forebay::cli
