// SegmentChunkStore: the ChunkStore on local disks.
//
// Opened over a key-value store, which holds its records (tables C, F, G, S and V), and one or more
// data directories, which hold its segments. The directories are recognised by an identity file, so
// their order and paths may change. Open recovers what the last process left in segments that were
// not sealed: its cost grows with those, never with the number of chunks.
//
// Thread safe. `kv`, `fs` and `clock` must outlive it; it must be destroyed before the io_contexts
// whose coroutines are in Write or Sync, and after those have ended. Pins and staged chunks may be
// dropped later. Failure: a data directory that fails a write or a sync is out of service until the
// process starts again; with none left, a failed sync ends the process (Options::on_fatal).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "async/semaphore.h"
#include "async/thread_pool.h"
#include "base/clock.h"
#include "chunk/chunk_store.h"
#include "chunk/fsck.h"
#include "chunk/options.h"
#include "io/file_system.h"
#include "kv/store.h"

namespace forebay::chunk {

struct Core;
class Appender;
class Reclaimer;
class Evacuator;

class SegmentChunkStore final : public ChunkStore {
 public:
  // Blocks. kLocked when another process has a directory; kInvalidConfig for a directory of another
  // store; kVolumeFailed when a registered volume is not among `directories`, or a directory should
  // hold one and does not (its disk is not mounted), see Options::allow_missing_volumes.
  static Result<std::unique_ptr<SegmentChunkStore>> Open(kv::Store& kv, io::FileSystem& fs,
                                                         std::vector<std::string> directories,
                                                         Options options, Clock& clock);
  ~SegmentChunkStore() override;

  Task<StagedChunkPtr> Write(OpContext context, ByteView data) override;
  Task<> Sync(OpContext context, std::vector<StagedChunkPtr> chunks) override;
  void Link(kv::Transaction& txn, const StagedChunk& chunk) override;
  void Linked(const StagedChunkPtr& chunk) override;
  Result<> Unlink(kv::Transaction& txn, ChunkId id) override;
  Result<ReadPinPtr> Pin(const kv::Reader& latest, ChunkId id) override;

  // Starts the thread that frees, seals, removes and evacuates. Stop ends it (so does destruction).
  void Start();
  void Stop();
  // What that thread does, once, on the calling thread. Blocks.
  Result<> RunMaintenanceOnce();

  // For the administrator. All block.
  Result<std::vector<VolumeStatus>> Volumes() const;
  // Costs what waits there.
  Result<FreeQueue> Freeing() const;
  // Nothing is written there any more, and maintenance moves its chunks elsewhere.
  Result<> DrainVolume(const std::string& uuid);
  // Takes a drain back: what was moved stays where it is now. No effect on an active volume.
  Result<> ActivateVolume(const std::string& uuid);
  // Forgets a drained, empty volume (kBusy while it holds segments). With `force`, gives up a
  // volume with all that it holds: those chunks answer kVolumeFailed from then on.
  Result<> RemoveVolume(const std::string& uuid, bool force = false);

  struct ScrubOptions {
    std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
    std::stop_token stop = {};
    ChunkId after = {};  // goes on behind this one, where an earlier scrub was stopped
    // Called now and then: the last chunk that is done, and what was read since the call before.
    std::function<void(ChunkId last, std::uint64_t chunks, std::uint64_t bytes)> progress = {};
  };
  // Reads and checks every chunk there is, in the order of ids; `corrupt` is called with each one
  // that is not right. Answers how many were read.
  Result<std::uint64_t> Scrub(std::function<void(ChunkId, const Error&)> corrupt,
                              ScrubOptions options);
  Result<FsckReport> Fsck(const FsckOptions& options);

  // While held, no hole is punched and no segment removed, so that files can be copied.
  std::shared_ptr<void> PinForBackup();
  std::vector<SegmentInfo> ListSegments() const;

  Stats stats() const;

 private:
  SegmentChunkStore(std::shared_ptr<Core> core, Clock& clock);
  void Maintain();
  Result<> Reclaim();
  Result<> ReclaimOnce();

  std::shared_ptr<Core> core_;
  Clock& clock_;
  std::unique_ptr<Appender> appender_;
  std::unique_ptr<Reclaimer> reclaimer_;
  std::unique_ptr<Evacuator> evacuator_;
  Semaphore in_flight_;
  ThreadPool write_pool_;
  ThreadPool sync_pool_;
  std::mutex maintenance_mutex_;  // one pass at a time
  std::mutex volumes_mutex_;      // one change of a volume's mode at a time
  std::shared_ptr<void> watch_;
  std::thread thread_;
};

}  // namespace forebay::chunk
