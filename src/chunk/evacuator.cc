#include "chunk/evacuator.h"

#include "base/codec.h"
#include "base/log.h"
#include "chunk/read_pin.h"
#include "chunk/sync.h"

namespace forebay::chunk {
namespace {

// A batch is one transaction (five keys a chunk) and at most 256 MiB written before a sync.
constexpr std::size_t kBatchChunks = 64;

}  // namespace

bool Evacuator::WorthMoving(const Segment& segment, std::int64_t live) const {
  if (segment.phase() != SegmentPhase::kSealed || damaged_.contains(segment.id())) return false;
  if (live <= 0) return false;  // dead ones are removed, not moved
  switch (segment.volume()->state()) {
    case VolumeState::kDraining:
      return true;
    case VolumeState::kActive:
      return static_cast<double>(live) <
             static_cast<double>(segment.size()) * (1.0 - core_->options.evacuate_dead_share);
    default:
      return false;
  }
}

Result<> Evacuator::RunOnce(const std::function<Result<>()>& reclaim) {
  std::vector<std::pair<SegmentPtr, std::int64_t>> worthwhile;
  {
    auto snapshot = core_->kv.GetSnapshot();
    auto it = snapshot->Scan(keys::TableBegin('G'), keys::TableEnd('G'));
    for (; it->Valid(); it->Next()) {
      FB_ASSIGN_OR_RETURN(auto parsed, keys::ParseSegment(it->key()));
      if (!parsed.second) continue;
      SegmentPtr segment = core_->segments.Find(parsed.first);
      std::int64_t live = kv::CounterValue(std::string(it->value()));
      if (segment && WorthMoving(*segment, live)) worthwhile.emplace_back(std::move(segment), live);
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const auto& [segment, live] : worthwhile) {
    if (core_->stopping()) return {};
    // Given up or activated since.
    if (!WorthMoving(*segment, live)) continue;
    Result<> moved = MoveSegment(segment);
    if (!moved && moved.error().code() == Code::kNoSpace) return {};
    FB_RETURN_IF_ERROR(moved);
    FB_RETURN_IF_ERROR(reclaim());
  }
  return {};
}

Result<std::vector<Evacuator::Move>> Evacuator::Plan(const SegmentPtr& segment,
                                                     std::string& cursor) {
  std::vector<Move> moves;
  auto snapshot = core_->kv.GetSnapshot();
  auto it = snapshot->Scan(cursor, PrefixEnd(keys::IndexOf(segment->id())));
  for (; it->Valid() && moves.size() < kBatchChunks; it->Next()) {
    cursor.assign(it->key());
    cursor.push_back('\0');
    FB_ASSIGN_OR_RETURN(IndexRecord index, IndexRecord::Decode(it->value()));
    FB_ASSIGN_OR_RETURN(auto value, snapshot->Get(keys::Chunk(index.chunk)));
    if (!value) {
      Log(LogLevel::kError, "an index record names no chunk", {{"segment", segment->path()}});
      damaged_.insert(segment->id());
      continue;
    }
    FB_ASSIGN_OR_RETURN(ChunkRecord record, ChunkRecord::Decode(*value));
    moves.push_back({index.chunk, std::move(record), nullptr, false});
  }
  FB_RETURN_IF_ERROR(it->status());
  if (!it->Valid()) cursor.clear();
  return moves;
}

Result<> Evacuator::Copy(Move& move, const SegmentPtr& segment) {
  if (!core_->pins.Acquire(*segment, move.from.location.offset)) return {};  // freed meanwhile
  SegmentReadPin pin(core_, segment, move.from);
  std::vector<std::byte> data(move.from.length);
  Result<> read = pin.ReadAllUnconditionally(data);
  if (!read) {
    if (read.error().code() == Code::kVolumeFailed) return read;
    damaged_.insert(segment->id());
    Log(LogLevel::kError, "a chunk cannot be moved",
        {{"segment", segment->path()},
         {"offset_bytes", move.from.location.offset},
         {"error", read.error().ToString()}});
    return {};
  }
  FB_ASSIGN_OR_RETURN(move.to, appender_.Append(move.id, data));
  // What was read passed its checksums, so anything else is memory gone wrong.
  if (move.to->crc64() != move.from.crc64) {
    return Fail(Code::kCorruption, "a chunk changed while it was moved");
  }
  return {};
}

Result<> Evacuator::Flip(std::vector<Move>& moves) {
  FB_RETURN_IF_ERROR(core_->kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();  // by the segment that is left
    for (Move& move : moves) {
      move.done = false;
      if (!move.to) continue;
      FB_ASSIGN_OR_RETURN(auto value, txn.Get(keys::Chunk(move.id)));
      if (!value || *value != move.from.Encode()) continue;
      auto bytes = static_cast<std::int64_t>(AlignUp(move.from.length));
      const ChunkRecord& to = move.to->record();
      IndexRecord index{.chunk = move.id, .length = to.length};
      txn.Put(keys::Chunk(move.id), to.Encode());
      txn.Put(keys::Index(to.location), index.Encode());
      txn.Erase(keys::Index(move.from.location));
      txn.Put(keys::Free(move.from.location), FreeRecord{.length = to.length}.Encode());
      txn.Add(keys::SegmentLive(to.location.segment), bytes);
      txn.Add(keys::SegmentLive(move.from.location.segment), -bytes);
      move.done = true;
    }
    return {};
  }));
  for (Move& move : moves) {
    if (!move.done) continue;
    move.to->MarkLinked();
    core_->counters.chunks_moved.fetch_add(1);
    core_->counters.bytes_moved.fetch_add(move.from.length);
  }
  return {};
}

Result<> Evacuator::MoveSegment(const SegmentPtr& segment) {
  std::string cursor = keys::IndexOf(segment->id());
  while (!cursor.empty() && !core_->stopping()) {
    FB_ASSIGN_OR_RETURN(std::vector<Move> moves, Plan(segment, cursor));
    std::vector<SegmentStagedChunkPtr> staged;
    for (Move& move : moves) {
      FB_RETURN_IF_ERROR(Copy(move, segment));
      if (move.to) staged.push_back(move.to);
    }
    FB_RETURN_IF_ERROR(SyncBlocking(*core_, staged));
    FB_RETURN_IF_ERROR(Flip(moves));
  }
  return {};
}

}  // namespace forebay::chunk
