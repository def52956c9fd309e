// A segment as this process knows it: its open file, what of it is in use, and its group sync.
//
// Thread safe. Segments are shared by the table of segments, staged chunks and read pins; the file
// is opened when first needed and closed when neither the file cache nor anybody else holds it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "chunk/lazy_bitmap.h"
#include "chunk/records.h"
#include "chunk/volume.h"
#include "io/file_system.h"

namespace forebay::chunk {

// The first bytes of every segment file (docs/formats/segment.md); chunks start at kAlignment.
std::string EncodeSegmentHeader(SegmentId id, std::string_view volume_uuid);
Result<> CheckSegmentHeader(std::string_view header, SegmentId id, std::string_view volume_uuid);

// An open segment file, and which of its checksum blocks this process has found to be right.
struct SegmentFile {
  SegmentFile(std::unique_ptr<io::File> f, std::uint64_t bytes)
      : file(std::move(f)), verified(bytes / kAlignment + 1) {}
  std::unique_ptr<io::File> file;
  LazyBitmap verified;  // by the block's first byte / kAlignment
};
using SegmentFilePtr = std::shared_ptr<SegmentFile>;

enum class SegmentPhase : std::uint8_t {
  kActive,  // takes chunks
  kFull,    // takes none; some of its chunks are neither named nor freed
  kSealed,
};

class Segment {
 public:
  // `span` bounds the offsets of its chunks.
  Segment(io::FileSystem& fs, SegmentId id, VolumePtr volume, SegmentPhase phase,
          std::uint64_t size, std::uint64_t span);

  SegmentId id() const { return id_; }
  const VolumePtr& volume() const { return volume_; }
  const std::string& path() const { return path_; }

  // The open file; opens it (blocks) and checks its header. kVolumeFailed, kIo, kCorruption, and
  // kNotFound when it was removed.
  Result<SegmentFilePtr> OpenFile();
  // The same where that needs no I/O, else null.
  SegmentFilePtr CachedFile() const;
  // Of a new segment. Kept open until MarkSealed, so that a sync sees every error of the writes
  // before.
  void HoldFile(SegmentFilePtr file);

  // Takes `bytes` (aligned) at the end for a chunk; false when they do not fit or it is not active.
  bool Reserve(std::uint64_t bytes, std::uint64_t* offset);
  // One reserved range is named by a record now, or freed by one.
  void Settle();
  void MarkFull();
  void MarkSealed();
  SegmentPhase phase() const;
  std::uint64_t size() const;
  std::uint64_t unsettled() const;
  bool ReadyToSeal() const;

  // Writes that go on now, for choosing a quiet segment.
  std::atomic<int>& writers() { return writers_; }

  // Group sync. A write that is complete has a ticket; Done(ticket) says whether it is durable.
  std::uint64_t FinishWrite() { return written_.fetch_add(1) + 1; }
  bool Durable(std::uint64_t ticket) const { return durable_.load() >= ticket; }
  using SyncDone = std::move_only_function<void(const Result<>&)>;
  // Adds a waiter. True when the caller must see to it that RunSyncs is called.
  bool AddSyncWaiter(SyncDone done);
  // Syncs for all who wait, until nobody does. Answers how many syncs it took.
  std::uint64_t RunSyncs();
  // Fails everybody who waits (RunSyncs could not be scheduled).
  void FailSyncs(const Error& error);

  // Locations that must not be pinned any more, by offset / kAlignment. See PinTable.
  LazyBitmap& condemned() { return condemned_; }

 private:
  io::FileSystem& fs_;
  const SegmentId id_;
  const VolumePtr volume_;
  const std::string path_;
  const std::uint64_t span_;
  LazyBitmap condemned_;
  std::atomic<int> writers_{0};
  std::atomic<std::uint64_t> written_{0};
  std::atomic<std::uint64_t> durable_{0};

  std::mutex open_mutex_;  // one opens; held over I/O, unlike the others
  mutable std::mutex mutex_;
  SegmentPhase phase_;
  std::uint64_t size_;
  std::uint64_t unsettled_ = 0;
  std::weak_ptr<SegmentFile> file_;
  SegmentFilePtr held_file_;

  std::mutex sync_mutex_;
  bool syncing_ = false;
  std::vector<SyncDone> sync_waiters_;
};
using SegmentPtr = std::shared_ptr<Segment>;

}  // namespace forebay::chunk
