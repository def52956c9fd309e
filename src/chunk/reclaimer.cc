#include "chunk/reclaimer.h"

#include "base/codec.h"
#include "base/log.h"

namespace forebay::chunk {
namespace {

constexpr std::size_t kBatch = 400;  // records a transaction; the store's limit is 1,000 keys

}  // namespace

Result<> Reclaimer::FreeDropped() {
  std::vector<DroppedRange> dropped = core_->TakeDropped();
  for (std::size_t begin = 0; begin < dropped.size(); begin += kBatch) {
    std::span<const DroppedRange> batch =
        std::span(dropped).subspan(begin, std::min(kBatch, dropped.size() - begin));
    // A handle may be dropped although its transaction went through, or is still on its way: what
    // was submitted before this one is seen by it.
    Result<> done = core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      txn.MakesRoom();
      for (const DroppedRange& range : batch) {
        Location location{range.segment->id(), range.offset};
        FB_ASSIGN_OR_RETURN(auto named, txn.Get(keys::Index(location)));
        if (!named) txn.Put(keys::Free(location), FreeRecord{.length = range.length}.Encode());
      }
      return {};
    });
    if (!done) {
      for (std::size_t i = begin; i < dropped.size(); ++i) core_->Drop(std::move(dropped[i]));
      return done;
    }
    for (const DroppedRange& range : batch) range.segment->Settle();
  }
  return {};
}

Result<> Reclaimer::SealFull() {
  for (const SegmentPtr& segment : core_->segments.All()) {
    if (!segment->ReadyToSeal() || !segment->volume()->CheckReadable()) continue;
    // Cache pages are linked without a sync; from here on nobody looks for a torn end any more.
    FB_ASSIGN_OR_RETURN(SegmentFilePtr file, core_->files.Open(*segment));
    Result<> synced = file->file->Sync();
    if (!synced) {
      core_->OnSyncFailed(*segment->volume(), synced.error());
      continue;
    }
    FB_RETURN_IF_ERROR(core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      txn.MakesRoom();  // only a sealed segment is ever removed
      SegmentRecord record{
          .volume = segment->volume()->number(), .sealed = true, .size = segment->size()};
      txn.Put(keys::Segment(segment->id()), record.Encode());
      return {};
    }));
    segment->MarkSealed();
  }
  return {};
}

Result<std::vector<Reclaimer::FreeRange>> Reclaimer::Collect(std::string& cursor,
                                                             std::vector<Location>& gone) {
  std::vector<FreeRange> ranges;
  auto snapshot = core_->kv.GetSnapshot();
  auto it = snapshot->Scan(cursor, keys::TableEnd('F'));
  for (; it->Valid() && ranges.size() + gone.size() < kBatch; it->Next()) {
    cursor.assign(it->key());
    cursor.push_back('\0');
    FB_ASSIGN_OR_RETURN(Location location, keys::ParseLocation(it->key()));
    FB_ASSIGN_OR_RETURN(FreeRecord record, FreeRecord::Decode(it->value()));
    SegmentPtr segment = core_->segments.Find(location.segment);
    if (!segment) {
      gone.push_back(location);
      continue;
    }
    // Condemning comes first, so that pins of old snapshots cannot keep on coming.
    bool unpinned = core_->pins.Condemn(*segment, location.offset);
    if (!unpinned || !segment->volume()->CheckReadable()) continue;
    ranges.push_back({std::move(segment), location, AlignUp(record.length)});
  }
  FB_RETURN_IF_ERROR(it->status());
  if (!it->Valid()) cursor.clear();
  return ranges;
}

// Free records may have been written lazily: visible, not yet durable. After a synced transaction
// they are, as the log keeps its order.
Result<> Reclaimer::Barrier() {
  return core_->kv.TransactBlocking(
      [](kv::Transaction& txn) -> Result<> {
        txn.MakesRoom();
        txn.Put(keys::kBarrier, "");
        return {};
      },
      kv::Durability::kAwaited);
}

Result<> Reclaimer::PunchSegment(const SegmentPtr& segment, std::span<const FreeRange> ranges) {
  FB_ASSIGN_OR_RETURN(SegmentFilePtr file, core_->files.Open(*segment));
  if (HoleBoard* board = segment->volume()->board()) board->Announce(segment->id());
  for (std::size_t i = 0; i < ranges.size();) {
    std::uint64_t begin = ranges[i].location.offset;
    std::uint64_t end = begin + ranges[i].length;
    for (++i; i < ranges.size() && ranges[i].location.offset == end; ++i) end += ranges[i].length;
    Result<> punched = file->file->PunchHole(begin, end - begin);
    // Without holes the space comes back when the segment is evacuated.
    if (!punched && punched.error().code() != Code::kUnsupported) {
      segment->volume()->MarkFailed(punched.error());
      return punched;
    }
    core_->counters.bytes_punched.fetch_add(end - begin);
  }
  Result<> synced = file->file->Sync();
  if (!synced) core_->OnSyncFailed(*segment->volume(), synced.error());
  return synced;
}

std::vector<Location> Reclaimer::Punch(std::vector<FreeRange> ranges) {
  std::vector<Location> done;
  for (std::size_t begin = 0; begin < ranges.size();) {
    std::size_t end = begin;
    while (end < ranges.size() && ranges[end].segment == ranges[begin].segment) ++end;
    std::span<const FreeRange> batch(ranges.data() + begin, end - begin);
    Result<> punched = PunchSegment(ranges[begin].segment, batch);
    if (punched) {
      for (const FreeRange& range : batch) done.push_back(range.location);
    } else {
      Log(LogLevel::kWarn, "cannot give space back",
          {{"segment", ranges[begin].segment->path()}, {"error", punched.error().ToString()}});
    }
    begin = end;
  }
  return done;
}

Result<> Reclaimer::EraseFreeRecords(const std::vector<Location>& locations) {
  if (locations.empty()) return {};
  // Lazily: should the erasure be lost, the same holes are punched once more.
  return core_->kv.TransactBlocking(
      [&](kv::Transaction& txn) -> Result<> {
        for (const Location& location : locations) txn.Erase(keys::Free(location));
        return {};
      },
      kv::Durability::kLazy);
}

Result<> Reclaimer::PunchFreed() {
  std::string cursor = keys::TableBegin('F');
  while (!cursor.empty()) {
    std::lock_guard lock(core_->reclaim_mutex);
    if (core_->backup_pins > 0) return {};
    std::vector<Location> done;
    FB_ASSIGN_OR_RETURN(std::vector<FreeRange> ranges, Collect(cursor, done));
    if (!ranges.empty()) {
      FB_RETURN_IF_ERROR(Barrier());
      std::vector<Location> punched = Punch(std::move(ranges));
      done.insert(done.end(), punched.begin(), punched.end());
    }
    FB_RETURN_IF_ERROR(EraseFreeRecords(done));
  }
  return {};
}

Result<bool> Reclaimer::EraseIfDead(SegmentId id) {
  bool dead = false;
  FB_RETURN_IF_ERROR(core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();
    dead = false;
    for (const std::string& prefix : {keys::IndexOf(id), keys::FreeOf(id)}) {
      auto it = txn.Scan(prefix, PrefixEnd(prefix));
      if (it->Valid()) return {};
      FB_RETURN_IF_ERROR(it->status());
    }
    dead = true;
    txn.Erase(keys::Segment(id));
    txn.Erase(keys::SegmentLive(id));
    return {};
  }));
  return dead;
}

Result<> Reclaimer::RemoveDead() {
  std::map<SegmentId, std::int64_t> live;
  auto snapshot = core_->kv.GetSnapshot();
  auto it = snapshot->Scan(keys::TableBegin('G'), keys::TableEnd('G'));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(auto parsed, keys::ParseSegment(it->key()));
    live.try_emplace(parsed.first, 0);
    if (parsed.second) live[parsed.first] = kv::CounterValue(std::string(it->value()));
  }
  FB_RETURN_IF_ERROR(it->status());
  for (const auto& [id, bytes] : live) {
    SegmentPtr segment = bytes <= 0 ? core_->segments.Find(id) : nullptr;
    if (!segment || segment->phase() != SegmentPhase::kSealed) continue;
    if (!segment->volume()->CheckReadable()) continue;
    std::lock_guard lock(core_->reclaim_mutex);
    if (core_->backup_pins > 0) return {};
    FB_ASSIGN_OR_RETURN(bool dead, EraseIfDead(id));
    if (!dead) continue;
    core_->segments.Erase(id);
    core_->files.Forget(id);
    core_->counters.segments_removed.fetch_add(1);
    // Should this fail or be cut short, the next start removes the file.
    Result<> removed = core_->fs.Remove(segment->path());
    if (removed) removed = core_->fs.SyncDir(segment->volume()->SegmentsPath());
    if (!removed) {
      Log(LogLevel::kWarn, "cannot remove a dead segment",
          {{"path", segment->path()}, {"error", removed.error().ToString()}});
    }
  }
  return {};
}

}  // namespace forebay::chunk
