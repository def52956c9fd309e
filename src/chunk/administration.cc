// The administrator's part of SegmentChunkStore: volumes, scrub, check, backup.
#include <map>

#include "base/log.h"
#include "chunk/appender.h"
#include "chunk/core.h"
#include "chunk/read_pin.h"
#include "chunk/segment_chunk_store.h"

namespace forebay::chunk {
namespace {

Result<> SetVolumeMode(Core& core, const std::string& uuid, VolumeMode mode) {
  return core.kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto value, txn.Get(keys::Volume(uuid)));
    if (!value) return Fail(Code::kNotFound, "there is no volume " + uuid);
    FB_ASSIGN_OR_RETURN(VolumeRecord record, VolumeRecord::Decode(*value));
    record.mode = mode;
    txn.MakesRoom();  // what is drained moves on a full disk, too
    txn.Put(keys::Volume(uuid), record.Encode());
    return {};
  });
}

std::unexpected<Error> NoSuchVolume(const std::string& uuid) {
  return Fail(Code::kNotFound, "there is no volume " + uuid);
}

// Spreads reading over time.
class Pace {
 public:
  Pace(Clock& clock, std::uint64_t bytes_per_second)
      : clock_(clock), rate_(bytes_per_second), begin_(clock.SteadyNow()) {}
  void Wait(std::uint64_t bytes, const std::stop_token& stop) {
    if (rate_ == 0) return;
    bytes_ += bytes;
    auto due = begin_ + std::chrono::microseconds(bytes_ * 1'000'000 / rate_);
    while (!stop.stop_requested() && clock_.SteadyNow() < due) {
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(
          due - clock_.SteadyNow(), std::chrono::milliseconds(100)));
    }
  }

 private:
  Clock& clock_;
  std::uint64_t rate_;
  SteadyTime begin_;
  std::uint64_t bytes_ = 0;
};

struct ScrubChunk {
  ChunkId id;
  ChunkRecord record;
};

// The next chunks in the order of ids; short snapshots, as a scrub may take days.
Result<std::vector<ScrubChunk>> NextChunks(Core& core, std::string& cursor) {
  constexpr std::size_t kBatch = 64;
  std::vector<ScrubChunk> chunks;
  auto snapshot = core.kv.GetSnapshot();
  auto it = snapshot->Scan(cursor, keys::TableEnd('C'));
  for (; it->Valid() && chunks.size() < kBatch; it->Next()) {
    cursor.assign(it->key());
    cursor.push_back('\0');
    FB_ASSIGN_OR_RETURN(ChunkId id, keys::ParseChunk(it->key()));
    FB_ASSIGN_OR_RETURN(ChunkRecord record, ChunkRecord::Decode(it->value()));
    chunks.push_back({id, std::move(record)});
  }
  FB_RETURN_IF_ERROR(it->status());
  return chunks;
}

}  // namespace

Result<std::vector<VolumeStatus>> SegmentChunkStore::Volumes() const {
  std::map<VolumeNumber, VolumeStatus> by_number;
  for (const VolumePtr& volume : core_->Volumes()) {
    VolumeStatus status{.uuid = volume->uuid(),
                        .path = volume->path(),
                        .state = volume->state(),
                        .failure = volume->failure()};
    if (volume->CheckReadable()) {
      if (auto space = volume->Space()) {
        status.total_bytes = space->total_bytes;
        status.available_bytes = space->available_bytes;
      }
    }
    by_number[volume->number()] = std::move(status);
  }
  auto snapshot = core_->kv.GetSnapshot();
  auto it = snapshot->Scan(keys::TableBegin('G'), keys::TableEnd('G'));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(auto parsed, keys::ParseSegment(it->key()));
    SegmentPtr segment = core_->segments.Find(parsed.first);
    auto status = segment ? by_number.find(segment->volume()->number()) : by_number.end();
    if (status == by_number.end()) continue;
    if (parsed.second) {
      std::int64_t live = kv::CounterValue(std::string(it->value()));
      status->second.live_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(0, live));
    } else {
      ++status->second.segments;
      status->second.segment_bytes += segment->size();
    }
  }
  FB_RETURN_IF_ERROR(it->status());
  std::vector<VolumeStatus> all;
  for (auto& [number, status] : by_number) all.push_back(std::move(status));
  return all;
}

Result<FreeQueue> SegmentChunkStore::Freeing() const {
  FreeQueue queue;
  auto snapshot = core_->kv.GetSnapshot();
  auto it = snapshot->Scan(keys::TableBegin('F'), keys::TableEnd('F'));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(FreeRecord record, FreeRecord::Decode(it->value()));
    ++queue.chunks;
    queue.bytes += AlignUp(record.length);
  }
  FB_RETURN_IF_ERROR(it->status());
  return queue;
}

Result<> SegmentChunkStore::DrainVolume(const std::string& uuid) {
  std::lock_guard lock(volumes_mutex_);
  VolumePtr volume = core_->FindVolume(uuid);
  if (!volume) return NoSuchVolume(uuid);
  FB_RETURN_IF_ERROR(volume->CheckReadable());
  FB_RETURN_IF_ERROR(SetVolumeMode(*core_, uuid, VolumeMode::kDraining));
  volume->SetState(VolumeState::kDraining);
  appender_->Retire(volume->number());
  return {};
}

Result<> SegmentChunkStore::ActivateVolume(const std::string& uuid) {
  std::lock_guard lock(volumes_mutex_);
  VolumePtr volume = core_->FindVolume(uuid);
  if (!volume) return NoSuchVolume(uuid);
  FB_RETURN_IF_ERROR(volume->CheckReadable());
  FB_RETURN_IF_ERROR(SetVolumeMode(*core_, uuid, VolumeMode::kActive));
  volume->SetState(VolumeState::kActive);
  return {};
}

Result<> SegmentChunkStore::RemoveVolume(const std::string& uuid, bool force) {
  // Not the maintenance lock, which an evacuation holds for hours: maintenance has nothing to do
  // with a volume that has no segments.
  std::lock_guard lock(volumes_mutex_);
  VolumePtr volume = core_->FindVolume(uuid);
  if (!volume) return NoSuchVolume(uuid);
  if (force) {
    FB_RETURN_IF_ERROR(SetVolumeMode(*core_, uuid, VolumeMode::kLost));
    volume->SetState(VolumeState::kLost);
    return {};
  }
  if (volume->state() != VolumeState::kDraining) {
    return Fail(Code::kBusy, "volume " + uuid + " must be drained before it is removed");
  }
  for (const SegmentPtr& segment : core_->segments.All()) {
    if (segment->volume() == volume) {
      return Fail(Code::kBusy, "volume " + uuid + " still holds segments");
    }
  }
  FB_RETURN_IF_ERROR(core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.Erase(keys::Volume(uuid));
    return {};
  }));
  core_->EraseVolume(volume->number());
  FB_RETURN_IF_ERROR(core_->fs.Remove(volume->path() + "/VOLUME"));
  return core_->fs.SyncDir(volume->path());
}

Result<std::uint64_t> SegmentChunkStore::Scrub(std::function<void(ChunkId, const Error&)> corrupt,
                                               ScrubOptions options) {
  Pace pace(clock_, options.bytes_per_second);
  std::string cursor =
      options.after == ChunkId{} ? keys::TableBegin('C') : keys::Chunk(options.after) + '\0';
  std::vector<std::byte> data;
  std::uint64_t read = 0;
  while (!options.stop.stop_requested()) {
    FB_ASSIGN_OR_RETURN(std::vector<ScrubChunk> chunks, NextChunks(*core_, cursor));
    if (chunks.empty()) break;
    std::uint64_t batch_chunks = 0, batch_bytes = 0;
    ChunkId last{};
    for (ScrubChunk& chunk : chunks) {
      if (options.stop.stop_requested()) break;
      last = chunk.id;
      SegmentPtr segment = core_->segments.Find(chunk.record.location.segment);
      // Freed, moved (what is moved is checked), or out of reach, which is known already.
      if (!segment || !segment->volume()->CheckReadable()) continue;
      if (!core_->pins.Acquire(*segment, chunk.record.location.offset)) continue;
      SegmentReadPin pin(core_, segment, chunk.record);
      data.resize(chunk.record.length);
      if (Result<> ok = pin.ReadAllUnconditionally(data); !ok) corrupt(chunk.id, ok.error());
      ++batch_chunks;
      batch_bytes += data.size();
      pace.Wait(data.size(), options.stop);
    }
    read += batch_chunks;
    if (options.progress && last != ChunkId{}) options.progress(last, batch_chunks, batch_bytes);
  }
  return read;
}

Result<FsckReport> SegmentChunkStore::Fsck(const FsckOptions& options) {
  return CheckChunkStore(core_, options);
}

std::shared_ptr<void> SegmentChunkStore::PinForBackup() {
  struct BackupPin {
    explicit BackupPin(CorePtr c) : core(std::move(c)) {
      std::lock_guard lock(core->reclaim_mutex);
      ++core->backup_pins;
    }
    ~BackupPin() {
      std::lock_guard lock(core->reclaim_mutex);
      --core->backup_pins;
    }
    CorePtr core;
  };
  return std::make_shared<BackupPin>(core_);
}

std::vector<SegmentInfo> SegmentChunkStore::ListSegments() const {
  std::vector<SegmentInfo> infos;
  for (const SegmentPtr& segment : core_->segments.All()) {
    infos.push_back({.id = segment->id(),
                     .volume_uuid = segment->volume()->uuid(),
                     .path = segment->path(),
                     .size = segment->size(),
                     .sealed = segment->phase() == SegmentPhase::kSealed});
  }
  return infos;
}

}  // namespace forebay::chunk
