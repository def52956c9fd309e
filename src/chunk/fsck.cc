#include "chunk/fsck.h"

#include <map>

#include "base/codec.h"
#include "chunk/core.h"
#include "chunk/read_pin.h"

namespace forebay::chunk {
namespace {

std::string Show(ChunkId id) {
  return std::to_string(id.session) + "." + std::to_string(id.sequence);
}
std::string Show(Location location) {
  return "segment " + std::to_string(location.segment.value()) + " offset " +
         std::to_string(location.offset);
}

class Checker {
 public:
  Checker(const CorePtr& core, const FsckOptions& options)
      : core_(core), options_(options), snapshot_(core->kv.GetSnapshot()) {}

  Result<FsckReport> Run() {
    FB_RETURN_IF_ERROR(LoadSegments());
    FB_RETURN_IF_ERROR(CheckChunks());
    FB_RETURN_IF_ERROR(CheckRanges());
    CheckLiveBytes();
    return std::move(report_);
  }

 private:
  struct SegmentFacts {
    SegmentRecord record;
    bool named = false;        // has a record of its own, not just a counter
    std::int64_t counted = 0;  // what the counter says
    std::int64_t live = 0;     // what the index adds up to
  };

  void Problem(std::string text) {
    ++report_.problem_count;
    if (report_.problems.size() < options_.max_problems)
      report_.problems.push_back(std::move(text));
  }

  Result<> LoadSegments() {
    auto it = snapshot_->Scan(keys::TableBegin('G'), keys::TableEnd('G'));
    for (; it->Valid(); it->Next()) {
      FB_ASSIGN_OR_RETURN(auto parsed, keys::ParseSegment(it->key()));
      SegmentFacts& facts = segments_[parsed.first];
      if (parsed.second) {
        facts.counted = kv::CounterValue(std::string(it->value()));
        continue;
      }
      FB_ASSIGN_OR_RETURN(facts.record, SegmentRecord::Decode(it->value()));
      facts.named = true;
      ++report_.segments;
    }
    return it->status();
  }

  // Every chunk has an index record that names it back, within a segment that exists.
  Result<> CheckChunks() {
    auto it = snapshot_->Scan(keys::TableBegin('C'), keys::TableEnd('C'));
    for (; it->Valid(); it->Next()) {
      FB_ASSIGN_OR_RETURN(ChunkId id, keys::ParseChunk(it->key()));
      ++report_.chunks;
      Result<ChunkRecord> record = ChunkRecord::Decode(it->value());
      if (!record) {
        Problem("chunk " + Show(id) + ": " + record.error().message());
        continue;
      }
      report_.chunk_bytes += record->length;
      FB_RETURN_IF_ERROR(CheckChunk(id, *record));
      if (options_.verify_checksums) FB_RETURN_IF_ERROR(VerifyBytes(id, *record));
    }
    return it->status();
  }

  Result<> CheckChunk(ChunkId id, const ChunkRecord& record) {
    FB_ASSIGN_OR_RETURN(auto value, snapshot_->Get(keys::Index(record.location)));
    if (!value) {
      Problem("chunk " + Show(id) + " at " + Show(record.location) + " is not in the index");
      return {};
    }
    Result<IndexRecord> index = IndexRecord::Decode(*value);
    if (!index || index->chunk != id || index->length != record.length) {
      Problem("chunk " + Show(id) + " at " + Show(record.location) + " is indexed as another");
    }
    auto it = segments_.find(record.location.segment);
    if (it == segments_.end() || !it->second.named) {
      Problem("chunk " + Show(id) + " lies in a segment without a record");
    } else if (it->second.record.sealed &&
               record.location.offset + AlignUp(record.length) > it->second.record.size) {
      Problem("chunk " + Show(id) + " lies beyond the end of its segment");
    }
    return {};
  }

  Result<> VerifyBytes(ChunkId id, const ChunkRecord& record) {
    SegmentPtr segment = core_->segments.Find(record.location.segment);
    // Freed or moved since the snapshot: nothing to say about it.
    if (!segment || !core_->pins.Acquire(*segment, record.location.offset)) return {};
    SegmentReadPin pin(core_, segment, record);
    std::vector<std::byte> data(record.length);
    if (Result<> read = pin.ReadAllUnconditionally(data); !read) {
      report_.corrupt.push_back(id);
      Problem("chunk " + Show(id) + ": " + read.error().ToString());
    }
    return {};
  }

  // Index and free records, merged in the order of locations: none overlaps the one before it.
  Result<> CheckRanges() {
    auto live = snapshot_->Scan(keys::TableBegin('S'), keys::TableEnd('S'));
    auto free = snapshot_->Scan(keys::TableBegin('F'), keys::TableEnd('F'));
    Location last_end;
    while (live->Valid() || free->Valid()) {
      bool take_live =
          live->Valid() && (!free->Valid() || live->key().substr(1) <= free->key().substr(1));
      kv::Iterator& it = take_live ? *live : *free;
      FB_ASSIGN_OR_RETURN(Location location, keys::ParseLocation(it.key()));
      std::uint64_t length = 0;
      if (take_live) {
        FB_ASSIGN_OR_RETURN(length, CheckIndex(location, it.value()));
      } else {
        FB_ASSIGN_OR_RETURN(FreeRecord record, FreeRecord::Decode(it.value()));
        length = AlignUp(record.length);
        ++report_.free_records;
      }
      if (location < last_end) {
        Problem(std::string(take_live ? "live" : "free") + " bytes at " + Show(location) +
                " overlap what lies before them");
      }
      last_end = std::max(last_end, Location{location.segment, location.offset + length});
      it.Next();
    }
    FB_RETURN_IF_ERROR(live->status());
    return free->status();
  }

  Result<std::uint64_t> CheckIndex(Location location, std::string_view value) {
    FB_ASSIGN_OR_RETURN(IndexRecord index, IndexRecord::Decode(value));
    std::uint64_t length = AlignUp(index.length);
    segments_[location.segment].live += static_cast<std::int64_t>(length);
    FB_ASSIGN_OR_RETURN(auto chunk, snapshot_->Get(keys::Chunk(index.chunk)));
    if (!chunk) {
      Problem("the index at " + Show(location) + " names chunk " + Show(index.chunk) +
              ", which has no record");
      return length;
    }
    Result<ChunkRecord> record = ChunkRecord::Decode(*chunk);
    if (record && record->location != location) {
      Problem("the index at " + Show(location) + " names chunk " + Show(index.chunk) +
              ", which lies elsewhere");
    }
    return length;
  }

  void CheckLiveBytes() {
    for (const auto& [id, facts] : segments_) {
      if (facts.counted != facts.live) {
        Problem("segment " + std::to_string(id.value()) + " counts " +
                std::to_string(facts.counted) + " live bytes but holds " +
                std::to_string(facts.live));
      }
    }
  }

  CorePtr core_;
  FsckOptions options_;
  std::unique_ptr<kv::Reader> snapshot_;
  std::map<SegmentId, SegmentFacts> segments_;
  FsckReport report_;
};

}  // namespace

Result<FsckReport> CheckChunkStore(const CorePtr& core, const FsckOptions& options) {
  return Checker(core, options).Run();
}

}  // namespace forebay::chunk
