#include "chunk/segment_chunk_store.h"

#include "base/log.h"
#include "chunk/appender.h"
#include "chunk/core.h"
#include "chunk/evacuator.h"
#include "chunk/read_pin.h"
#include "chunk/reclaimer.h"
#include "chunk/recovery.h"
#include "chunk/staged_chunk.h"
#include "chunk/sync.h"

namespace forebay::chunk {
namespace {

Result<StagedChunkPtr> Append(Appender& appender, Core& core, ByteView data) {
  ChunkId id{core.session, core.next_sequence.fetch_add(1)};
  FB_ASSIGN_OR_RETURN(SegmentStagedChunkPtr staged, appender.Append(id, data));
  return StagedChunkPtr(std::move(staged));
}

Result<ChunkRecord> FindChunk(const kv::Reader& reader, ChunkId id) {
  FB_ASSIGN_OR_RETURN(auto value, reader.Get(keys::Chunk(id)));
  if (!value) return Fail(Code::kNotFound, "there is no such chunk (any more)");
  return ChunkRecord::Decode(*value);
}

}  // namespace

SegmentChunkStore::SegmentChunkStore(CorePtr core, Clock& clock)
    : core_(std::move(core)),
      clock_(clock),
      appender_(std::make_unique<Appender>(core_)),
      reclaimer_(std::make_unique<Reclaimer>(core_)),
      evacuator_(std::make_unique<Evacuator>(core_, *appender_)),
      in_flight_(std::max(core_->options.max_in_flight_bytes, kMaxChunkBytes)),
      write_pool_({.name = "chunk-write", .threads = core_->options.write_threads}),
      sync_pool_({.name = "chunk-sync", .threads = core_->options.sync_threads}) {}

SegmentChunkStore::~SegmentChunkStore() { Stop(); }

Result<std::unique_ptr<SegmentChunkStore>> SegmentChunkStore::Open(
    kv::Store& kv, io::FileSystem& fs, std::vector<std::string> directories, Options options,
    Clock& clock) {
  auto core = std::make_shared<Core>(kv, fs, std::move(options));
  FB_RETURN_IF_ERROR(OpenVolumes(*core, directories));
  FB_RETURN_IF_ERROR(BeginSession(*core));
  FB_RETURN_IF_ERROR(RecoverSegments(*core));
  return std::unique_ptr<SegmentChunkStore>(new SegmentChunkStore(std::move(core), clock));
}

Task<StagedChunkPtr> SegmentChunkStore::Write(OpContext context, ByteView data) {
  if (data.empty() || data.size() > kMaxChunkBytes) {
    co_return Fail(Code::kInternal, "a chunk holds 1 byte to 4 MiB");
  }
  FB_CO_ASSIGN_OR_RETURN(Permit permit, co_await in_flight_.Acquire(data.size(), context));
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await write_pool_.Run(
      [core = core_, appender = appender_.get(), data] { return Append(*appender, *core, data); });
}

Task<> SegmentChunkStore::Sync(OpContext context, std::vector<StagedChunkPtr> chunks) {
  std::vector<SegmentStagedChunkPtr> ours;
  ours.reserve(chunks.size());
  for (StagedChunkPtr& chunk : chunks) {
    ours.push_back(std::static_pointer_cast<SegmentStagedChunk>(std::move(chunk)));
  }
  return SyncOnPool(core_, sync_pool_, std::move(context), std::move(ours));
}

void SegmentChunkStore::Link(kv::Transaction& txn, const StagedChunk& chunk) {
  const auto& staged = static_cast<const SegmentStagedChunk&>(chunk);
  const ChunkRecord& record = staged.record();
  txn.Put(keys::Chunk(staged.id()), record.Encode());
  txn.Put(keys::Index(record.location),
          IndexRecord{.chunk = staged.id(), .length = record.length}.Encode());
  txn.Add(keys::SegmentLive(record.location.segment),
          static_cast<std::int64_t>(AlignUp(record.length)));
}

void SegmentChunkStore::Linked(const StagedChunkPtr& chunk) {
  static_cast<SegmentStagedChunk&>(*chunk).MarkLinked();
}

Result<> SegmentChunkStore::Unlink(kv::Transaction& txn, ChunkId id) {
  FB_ASSIGN_OR_RETURN(ChunkRecord record, FindChunk(txn, id));
  txn.Erase(keys::Chunk(id));
  txn.Erase(keys::Index(record.location));
  txn.Put(keys::Free(record.location), FreeRecord{.length = record.length}.Encode());
  txn.Add(keys::SegmentLive(record.location.segment),
          -static_cast<std::int64_t>(AlignUp(record.length)));
  return {};
}

Result<ReadPinPtr> SegmentChunkStore::Pin(const kv::Reader& latest, ChunkId id) {
  FB_ASSIGN_OR_RETURN(ChunkRecord record, FindChunk(latest, id));
  for (int attempt = 0; attempt < 3; ++attempt) {
    SegmentPtr segment = core_->segments.Find(record.location.segment);
    if (segment) {
      FB_RETURN_IF_ERROR(segment->volume()->CheckReadable());
      if (core_->pins.Acquire(*segment, record.location.offset)) {
        return std::make_shared<SegmentReadPin>(core_, std::move(segment), std::move(record));
      }
    }
    // Freed or moved since `latest`. Where it moved is usually in the cache.
    auto now = core_->kv.GetSnapshot(kv::ReadMode::kCacheOnly);
    Result<ChunkRecord> found = FindChunk(*now, id);
    if (!found || found->location == record.location) break;
    record = std::move(*found);
  }
  return Fail(Code::kNotFound, "the chunk was freed or moved; look again");
}

Result<> SegmentChunkStore::RunMaintenanceOnce() {
  std::lock_guard lock(maintenance_mutex_);
  FB_RETURN_IF_ERROR(reclaimer_->FreeDropped());
  for (const VolumePtr& volume : core_->Volumes()) {
    if (volume->state() == VolumeState::kDraining) appender_->Retire(volume->number());
  }
  FB_RETURN_IF_ERROR(reclaimer_->SealFull());
  auto reclaim = [this] { return Reclaim(); };
  FB_RETURN_IF_ERROR(reclaim());
  FB_RETURN_IF_ERROR(evacuator_->RunOnce(reclaim));
  return reclaimer_->RemoveDead();
}

// The part that makes room, and costs nothing where there is none to make.
Result<> SegmentChunkStore::Reclaim() {
  FB_RETURN_IF_ERROR(reclaimer_->FreeDropped());
  return reclaimer_->PunchFreed();
}

Result<> SegmentChunkStore::ReclaimOnce() {
  std::lock_guard lock(maintenance_mutex_);
  return Reclaim();
}

void SegmentChunkStore::Start() {
  if (thread_.joinable()) return;
  core_->SetStopping(false);
  watch_ = core_->kv.Watch(keys::TableBegin('F').substr(0, 1), [core = core_] { core->Wake(); });
  thread_ = std::thread([this] { Maintain(); });
}

void SegmentChunkStore::Stop() {
  watch_.reset();
  core_->SetStopping(true);
  if (thread_.joinable()) thread_.join();
  core_->SetStopping(false);
}

void SegmentChunkStore::Maintain() {
  // Each pass that punches costs a sync of the records and of each segment, so a stream of
  // deletions is handled in groups. Looking at all segments is left to the interval.
  constexpr std::chrono::milliseconds kGroup{50};
  auto interval = core_->options.maintenance_interval;
  auto last_full = std::chrono::steady_clock::now() - interval;
  while (!core_->stopping()) {
    core_->WaitForWork(interval);
    if (core_->stopping()) return;
    auto now = std::chrono::steady_clock::now();
    bool full = now - last_full >= interval;
    if (full) last_full = now;
    if (Result<> done = full ? RunMaintenanceOnce() : ReclaimOnce(); !done) {
      Log(LogLevel::kWarn, "chunk maintenance", {{"error", done.error().ToString()}});
    }
    core_->Pause(kGroup);
  }
}

Stats SegmentChunkStore::stats() const {
  const Counters& c = core_->counters;
  return Stats{.chunks_written = c.chunks_written.load(),
               .bytes_written = c.bytes_written.load(),
               .syncs = c.syncs.load(),
               .sync_requests = c.sync_requests.load(),
               .bytes_punched = c.bytes_punched.load(),
               .segments_removed = c.segments_removed.load(),
               .chunks_moved = c.chunks_moved.load(),
               .bytes_moved = c.bytes_moved.load(),
               .blocks_verified = c.blocks_verified.load(),
               .corrupt_reads = c.corrupt_reads.load()};
}

}  // namespace forebay::chunk
