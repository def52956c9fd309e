#include "chunk/appender.h"

#include "base/checksum.h"
#include "base/codec.h"
#include "base/log.h"

namespace forebay::chunk {
namespace {

// Bytes summed and then written while they are still in the processor's cache.
constexpr std::size_t kSliceBytes = 512 << 10;

// Writes `data` and fills in the record's checksums, in one pass over the bytes.
Result<> WriteAndSum(io::File& file, ByteView data, ChunkRecord& record) {
  for (std::size_t slice = 0; slice < data.size(); slice += kSliceBytes) {
    ByteView bytes = data.subspan(slice, std::min(kSliceBytes, data.size() - slice));
    for (std::size_t at = 0; at < bytes.size(); at += kChecksumBlockBytes) {
      ByteView block = bytes.subspan(at, std::min(kChecksumBlockBytes, bytes.size() - at));
      std::uint64_t crc = Crc64(block);
      record.block_crcs.push_back(crc);
      record.crc64 = Crc64Combine(record.crc64, crc, block.size());
    }
    FB_RETURN_IF_ERROR(file.WriteAt(bytes, record.location.offset + slice));
  }
  return {};
}

class InFlight {
 public:
  InFlight(Volume& volume, Segment& segment, std::uint64_t bytes)
      : volume_(volume), segment_(segment), bytes_(bytes) {
    segment_.writers().fetch_add(1);
    volume_.in_flight_bytes().fetch_add(bytes_);
  }
  ~InFlight() {
    volume_.in_flight_bytes().fetch_sub(bytes_);
    segment_.writers().fetch_sub(1);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  Volume& volume_;
  Segment& segment_;
  std::uint64_t bytes_;
};

}  // namespace

Result<SegmentStagedChunkPtr> Appender::Append(ChunkId id, ByteView data) {
  std::set<VolumeNumber> tried;
  Error last(Code::kVolumeFailed, "no data directory is in service");
  while (true) {
    Result<VolumePtr> volume = Choose(tried, AlignUp(data.size()));
    if (!volume) {
      // What a volume itself said is worth more than "none is left".
      if (tried.empty() || volume.error().code() == Code::kNoSpace) {
        return Fail(std::move(volume.error()));
      }
      return Fail(std::move(last));
    }
    Result<SegmentStagedChunkPtr> staged = AppendTo(*volume, id, data);
    if (staged) return staged;
    switch (staged.error().code()) {
      case Code::kNoSpace:
      case Code::kVolumeFailed:
        last = std::move(staged.error());
        break;
      case Code::kIo:
        (*volume)->MarkFailed(staged.error());
        last = Error(Code::kVolumeFailed, staged.error().message());
        break;
      default:
        return staged;
    }
    tried.insert((*volume)->number());
  }
}

Result<VolumePtr> Appender::Choose(const std::set<VolumeNumber>& tried, std::uint64_t bytes) {
  std::vector<VolumePtr> volumes = core_->Volumes();
  std::uint64_t turn = turn_.fetch_add(1);
  VolumePtr best;
  bool full = false;
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const VolumePtr& volume = volumes[(turn + i) % volumes.size()];
    if (!volume->writable() || tried.contains(volume->number())) continue;
    Result<bool> room = volume->HasRoom(bytes, core_->options.reserve_bytes);
    if (!room) {
      volume->MarkFailed(room.error());
      continue;
    }
    full = full || !*room;
    if (*room && (!best || volume->in_flight_bytes().load() < best->in_flight_bytes().load())) {
      best = volume;
    }
  }
  if (best) return best;
  if (full) return Fail(Code::kNoSpace, "the data directories are full up to their reserve");
  return Fail(Code::kVolumeFailed, "no data directory is in service");
}

Result<SegmentStagedChunkPtr> Appender::AppendTo(const VolumePtr& volume, ChunkId id,
                                                 ByteView data) {
  std::uint64_t bytes = AlignUp(data.size());
  FB_ASSIGN_OR_RETURN(Place place, Reserve(volume, bytes));
  ChunkRecord record;
  record.location = {place.segment->id(), place.offset};
  record.length = static_cast<std::uint32_t>(data.size());
  Result<> written;
  {
    InFlight in_flight(*volume, *place.segment, bytes);
    written = WriteAndSum(*place.file->file, data, record);
  }
  if (!written) {
    core_->Drop({place.segment, place.offset, record.length});
    return Fail(std::move(written.error()));
  }
  std::uint64_t ticket = place.segment->FinishWrite();
  place.file->file->StartWriteback(place.offset, data.size());
  core_->counters.chunks_written.fetch_add(1);
  core_->counters.bytes_written.fetch_add(data.size());
  return std::make_shared<SegmentStagedChunk>(core_, std::move(place.segment), id,
                                              std::move(record), ticket);
}

std::shared_ptr<Appender::Slots> Appender::SlotsOf(VolumeNumber volume) {
  std::lock_guard lock(mutex_);
  auto& slots = slots_[volume];
  if (!slots) {
    slots = std::make_shared<Slots>(std::max<std::size_t>(1, core_->options.active_segments));
  }
  return slots;
}

Result<Appender::Place> Appender::Reserve(const VolumePtr& volume, std::uint64_t bytes) {
  std::shared_ptr<Slots> all = SlotsOf(volume->number());
  // A slot that nobody writes to and nobody renews; else take turns.
  Slot* chosen = nullptr;
  std::unique_lock<std::mutex> lock;
  for (Slot& slot : all->slots) {
    std::unique_lock attempt(slot.mutex, std::try_to_lock);
    if (!attempt.owns_lock()) continue;
    if (slot.segment && slot.segment->writers().load() > 0) continue;
    chosen = &slot;
    lock = std::move(attempt);
    break;
  }
  if (chosen == nullptr) {
    chosen = &all->slots[turn_.load() % all->slots.size()];
    lock = std::unique_lock(chosen->mutex);
  }
  while (true) {
    Place place{chosen->segment, chosen->file, 0};
    if (place.segment && place.segment->Reserve(bytes, &place.offset)) return place;
    if (!volume->writable()) {
      return Fail(Code::kVolumeFailed, "volume " + volume->uuid() + " went out of service");
    }
    FB_RETURN_IF_ERROR(Renew(volume, *chosen, bytes));
  }
}

Result<> Appender::Renew(const VolumePtr& volume, Slot& slot, std::uint64_t bytes) {
  if (slot.segment) {
    slot.segment->MarkFull();
    slot.segment.reset();
    slot.file.reset();
    core_->Wake();
  }
  // Room for this chunk at least.
  std::uint64_t span = std::max(core_->options.segment_bytes, kAlignment + bytes);
  while (true) {
    FB_ASSIGN_OR_RETURN(SegmentId id, AllocateSegment(volume->number()));
    Result<SegmentFilePtr> file = CreateFile(volume, id, span);
    if (file) {
      auto segment =
          std::make_shared<Segment>(core_->fs, id, volume, SegmentPhase::kActive, kAlignment, span);
      segment->HoldFile(*file);
      core_->segments.Insert(segment);
      slot.segment = std::move(segment);
      slot.file = std::move(*file);
      return {};
    }
    // The record of a segment whose file was not made is removed at the next start at the latest.
    (void)core_->kv.TransactBlocking(
        [key = keys::Segment(id)](kv::Transaction& txn) -> Result<> {
          txn.Erase(key);
          return {};
        },
        kv::Durability::kLazy);
    // A file of that name can only be left from a key-value store newer than this one; take
    // another.
    if (file.error().code() != Code::kAlreadyExists) return Fail(std::move(file.error()));
    Log(LogLevel::kWarn, "segment file exists already", {{"path", volume->SegmentPath(id)}});
  }
}

Result<SegmentId> Appender::AllocateSegment(VolumeNumber volume) {
  SegmentId id;
  FB_RETURN_IF_ERROR(core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    // Evacuation gives room back and needs segments; whoever else writes was let in by the engine.
    txn.MakesRoom();
    FB_ASSIGN_OR_RETURN(auto next, txn.Get(keys::kNextSegment));
    std::uint64_t value = 1;
    if (next) {
      Decoder in(*next);
      value = in.U64();
      FB_RETURN_IF_ERROR(in.Finish("next segment"));
    }
    id = SegmentId(value);
    txn.Put(keys::kNextSegment, Encoder().U64(value + 1).Take());
    txn.Put(keys::Segment(id), SegmentRecord{.volume = volume}.Encode());
    return {};
  }));
  return id;
}

Result<SegmentFilePtr> Appender::CreateFile(const VolumePtr& volume, SegmentId id,
                                            std::uint64_t span) {
  FB_ASSIGN_OR_RETURN(auto file, core_->fs.Open(volume->SegmentPath(id), io::OpenMode::kCreate));
  FB_RETURN_IF_ERROR(file->WriteAt(AsBytes(EncodeSegmentHeader(id, volume->uuid())), 0));
  Result<> synced = file->Sync();
  if (synced) synced = core_->fs.SyncDir(volume->SegmentsPath());
  if (!synced) {
    core_->OnSyncFailed(*volume, synced.error());
    return Fail(Code::kVolumeFailed, synced.error().message());
  }
  return std::make_shared<SegmentFile>(std::move(file), span);
}

void Appender::Retire(VolumeNumber volume) {
  bool any = false;
  for (Slot& slot : SlotsOf(volume)->slots) {
    std::lock_guard lock(slot.mutex);
    if (!slot.segment) continue;
    slot.segment->MarkFull();
    slot.segment.reset();
    slot.file.reset();
    any = true;
  }
  if (any) core_->Wake();
}

}  // namespace forebay::chunk
