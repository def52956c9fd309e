#include "chunk/recovery.h"

#include <charconv>

#include "base/codec.h"
#include "base/log.h"

namespace forebay::chunk {
namespace {

struct Named {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // aligned
};

Result<std::vector<Named>> NamedRanges(Core& core, SegmentId id) {
  std::vector<Named> ranges;
  auto snapshot = core.kv.GetSnapshot();
  std::string prefix = keys::IndexOf(id);
  auto it = snapshot->Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(Location location, keys::ParseLocation(it->key()));
    FB_ASSIGN_OR_RETURN(IndexRecord record, IndexRecord::Decode(it->value()));
    ranges.push_back({location.offset, location.offset + AlignUp(record.length)});
  }
  FB_RETURN_IF_ERROR(it->status());
  return ranges;
}

// Gives back what nothing names: writes that were never linked, and what lay beyond the last of
// them.
Result<> CutDown(io::File& file, const std::vector<Named>& ranges, std::uint64_t end) {
  FB_ASSIGN_OR_RETURN(std::uint64_t size, file.Size());
  std::uint64_t at = kAlignment;
  for (const Named& range : ranges) {
    if (range.begin > at) {
      Result<> punched = file.PunchHole(at, range.begin - at);
      if (!punched && punched.error().code() != Code::kUnsupported) return punched;
    }
    at = range.end;
  }
  if (size > end) FB_RETURN_IF_ERROR(file.Truncate(end));
  return file.Sync();
}

Result<> EraseSegmentRecord(Core& core, SegmentId id) {
  return core.kv.TransactBlocking([id](kv::Transaction& txn) -> Result<> {
    txn.Erase(keys::Segment(id));
    txn.Erase(keys::SegmentLive(id));
    return {};
  });
}

Result<> SealRecovered(Core& core, const VolumePtr& volume, SegmentId id, std::uint64_t end) {
  FB_RETURN_IF_ERROR(core.kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();  // a server has to come up on a full disk
    SegmentRecord record{.volume = volume->number(), .sealed = true, .size = end};
    txn.Put(keys::Segment(id), record.Encode());
    return {};
  }));
  core.segments.Insert(
      std::make_shared<Segment>(core.fs, id, volume, SegmentPhase::kSealed, end, end));
  return {};
}

Result<> RecoverSegment(Core& core, const VolumePtr& volume, SegmentId id) {
  FB_ASSIGN_OR_RETURN(std::vector<Named> ranges, NamedRanges(core, id));
  std::uint64_t end = ranges.empty() ? kAlignment : ranges.back().end;
  Segment probe(core.fs, id, volume, SegmentPhase::kSealed, end, end);
  Result<SegmentFilePtr> file = probe.OpenFile();
  if (!file) {
    Code code = file.error().code();
    if (code != Code::kNotFound && code != Code::kCorruption) return Fail(std::move(file.error()));
    if (ranges.empty()) {
      // Its making was cut short: the record came first. Offsets of it were never given out.
      if (code == Code::kCorruption) {
        FB_RETURN_IF_ERROR(core.fs.Remove(volume->SegmentPath(id)));
        FB_RETURN_IF_ERROR(core.fs.SyncDir(volume->SegmentsPath()));
      }
      return EraseSegmentRecord(core, id);
    }
    // Synced chunks have a synced header, so either only unsynced cache pages are named here, or
    // the disk lost a file. Reads of them say kCorruption; everything else goes on.
    Log(LogLevel::kError, "segment is damaged",
        {{"path", volume->SegmentPath(id)}, {"error", file.error().ToString()}});
    return SealRecovered(core, volume, id, end);
  }
  FB_RETURN_IF_ERROR(CutDown(*(*file)->file, ranges, end));
  return SealRecovered(core, volume, id, end);
}

// Files that a removal cut short left behind: the record goes first.
Result<> RemoveUnnamedFiles(Core& core, const VolumePtr& volume) {
  FB_ASSIGN_OR_RETURN(auto entries, core.fs.List(volume->SegmentsPath()));
  bool removed = false;
  for (const io::DirEntry& entry : entries) {
    std::uint64_t id = 0;
    if (entry.name.size() != 20 || !entry.name.ends_with(".seg")) continue;
    auto [end, error] = std::from_chars(entry.name.data(), entry.name.data() + 16, id, 16);
    if (error != std::errc() || end != entry.name.data() + 16) continue;
    SegmentPtr segment = core.segments.Find(SegmentId(id));
    if (segment && segment->volume() == volume) continue;
    Log(LogLevel::kInfo, "removing a segment file that no record names", {{"file", entry.name}});
    FB_RETURN_IF_ERROR(core.fs.Remove(volume->SegmentsPath() + "/" + entry.name));
    removed = true;
  }
  if (removed) FB_RETURN_IF_ERROR(core.fs.SyncDir(volume->SegmentsPath()));
  return {};
}

Result<std::vector<std::pair<SegmentId, SegmentRecord>>> LoadSegments(Core& core) {
  std::vector<std::pair<SegmentId, SegmentRecord>> segments;
  auto snapshot = core.kv.GetSnapshot();
  auto it = snapshot->Scan(keys::TableBegin('G'), keys::TableEnd('G'));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(auto parsed, keys::ParseSegment(it->key()));
    if (parsed.second) continue;
    FB_ASSIGN_OR_RETURN(SegmentRecord record, SegmentRecord::Decode(it->value()));
    segments.emplace_back(parsed.first, record);
  }
  FB_RETURN_IF_ERROR(it->status());
  return segments;
}

}  // namespace

Result<> BeginSession(Core& core) {
  return core.kv.TransactBlocking([&core](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();
    FB_ASSIGN_OR_RETURN(auto last, txn.Get(keys::kSession));
    core.session = 1;
    if (last) {
      Decoder in(*last);
      core.session = in.U64() + 1;
      FB_RETURN_IF_ERROR(in.Finish("session"));
    }
    txn.Put(keys::kSession, Encoder().U64(core.session).Take());
    return {};
  });
}

Result<> RecoverSegments(Core& core) {
  FB_ASSIGN_OR_RETURN(auto segments, LoadSegments(core));
  std::vector<SegmentId> unsealed;
  for (const auto& [id, record] : segments) {
    VolumePtr volume = core.FindVolume(record.volume);
    if (!volume) {
      return Fail(Code::kCorruption,
                  "segment " + std::to_string(id.value()) + " is on a volume that has no record");
    }
    // What cannot be reached now is recovered when its volume is back.
    if (!record.sealed && volume->CheckReadable()) {
      unsealed.push_back(id);
    }
    core.segments.Insert(std::make_shared<Segment>(core.fs, id, volume, SegmentPhase::kSealed,
                                                   record.size, record.size));
  }
  for (const VolumePtr& volume : core.Volumes()) {
    if (volume->CheckReadable()) FB_RETURN_IF_ERROR(RemoveUnnamedFiles(core, volume));
  }
  for (SegmentId id : unsealed) {
    SegmentPtr segment = core.segments.Find(id);
    core.segments.Erase(id);
    Result<> recovered = RecoverSegment(core, segment->volume(), id);
    if (!recovered) {
      if (recovered.error().code() != Code::kIo || !core.options.allow_missing_volumes) {
        return recovered;
      }
      segment->volume()->MarkFailed(recovered.error());
      core.segments.Insert(std::move(segment));
    }
  }
  if (!unsealed.empty()) {
    Log(LogLevel::kInfo, "recovered segments", {{"segments", unsealed.size()}});
  }
  return {};
}

}  // namespace forebay::chunk
